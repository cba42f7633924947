"""Where entities live: tables, bulk load and save, references, sequences, history and the Transaction."""
