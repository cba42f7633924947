"""Keys of texts without a value, which indexes held none for before; an upgrade indexes everything again."""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change no table: the keys are written when the upgrade indexes the objects."""
