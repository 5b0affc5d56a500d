"""The only place of the stack with sockets and asyncio's transports: dialling, listening, driving a session."""
