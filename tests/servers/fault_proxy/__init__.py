"""The project's own TCP fault proxy; see proxy.py, and `python3 tests/servers/fault_proxy --help` for the command."""
from .proxy import TO_CLIENT, TO_SERVER, Counts, Fault, FaultProxy

__all__ = ["TO_CLIENT", "TO_SERVER", "Counts", "Fault", "FaultProxy"]
