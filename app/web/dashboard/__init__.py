"""The dashboard: one page is one JSON view here and one module in `static/pages`."""
