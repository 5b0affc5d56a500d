"""The place of this process (docs/page-protocol.md): a kernel, or the host process for terminals without a notebook."""
