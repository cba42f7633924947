"""Reading objects: criteria to SQL, pages and streams, documents, rendering, history."""
