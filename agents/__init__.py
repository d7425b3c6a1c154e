"""The stages: one Faust agent a file. Agents see ports, never adapters."""
