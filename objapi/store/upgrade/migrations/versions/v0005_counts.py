"""Counts of documents: their tables are declared with the catalogs; the upgrade makes and at its end fills them."""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Do nothing: the number tells a site whose documents are not counted yet."""
