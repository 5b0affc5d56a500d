"""Sockets and asyncio transports, used nowhere else in the stack: dialling, listening, driving a session."""
