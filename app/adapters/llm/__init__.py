"""Language models: Ollama, OpenAI-compatible servers, the bundled one, a scripted twin."""
