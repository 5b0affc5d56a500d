"""Child processes on an asyncio event loop; independent of SSH channels."""
