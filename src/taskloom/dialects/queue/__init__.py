"""The queue dialect: Bella-Queue and the OpenAI endpoints."""
