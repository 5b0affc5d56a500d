"""The route to a host: direct, through a proxy, or through jump hosts."""
