"""Drawing for people: standalone HTML pages, SVG charts, numbers and times as they are read."""
