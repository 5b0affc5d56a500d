"""The place of this process, to which pages connect (docs/page-protocol.md): a kernel, or the host process."""
