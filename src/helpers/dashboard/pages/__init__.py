"""The dashboard's pages: each a layout, and what its controls do."""
