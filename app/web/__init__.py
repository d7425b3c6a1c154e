"""The HTTP API: thin handlers over intake, store and figures."""
