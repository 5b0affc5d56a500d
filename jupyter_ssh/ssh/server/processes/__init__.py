"""Child processes as event sources for an asyncio loop; nothing in here knows of SSH channels."""
