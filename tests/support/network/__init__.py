"""Networks for tests: name servers with signed zones, relays that lose and delay, a network without the others."""
