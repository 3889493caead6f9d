"""Where partitions are worked on; light, so that the help of commands is fast."""

from __future__ import annotations

from pydantic import Field, model_validator

from skyvet.core.configs import Config

__all__ = ["LOCAL", "NONE", "ClusterConfig"]

NONE = "none"
LOCAL = "local"
_PROTOCOLS = ("tcp://", "tls://", "ucx://", "ws://", "wss://")


class ClusterConfig(Config):
    """Where partitions are worked on, and by how many processes.

    Examples
    --------
    >>> ClusterConfig(cluster="local", workers=2).is_local
    True
    >>> ClusterConfig(workers=2)
    Traceback (most recent call last):
    ...
    pydantic_core._pydantic_core.ValidationError: ...
    """

    cluster: str = Field(
        default=NONE,
        description="none: this process; local: processes of this machine; or the address of the "
        "scheduler of a running Dask cluster (tcp://host:port)",
    )
    workers: int = Field(
        default=0, ge=0, le=1024, description="processes of a local cluster; 0 = one a core"
    )
    max_attempts: int = Field(
        default=3,
        ge=1,
        le=20,
        description="times that the worker of a partition may die before it counts as failed",
    )
    worker_timeout_s: float = Field(
        default=300.0, gt=0, description="give up when a cluster has no worker for so long [s]"
    )

    @model_validator(mode="after")
    def _check(self) -> ClusterConfig:
        is_address = self.cluster.startswith(_PROTOCOLS)
        if self.cluster not in (NONE, LOCAL) and not is_address:
            raise ValueError(
                f"cluster must be {NONE}, {LOCAL} or an address such as tcp://host:8786, got "
                f"{self.cluster!r}"
            )
        if self.cluster == NONE and self.workers > 1:
            raise ValueError(f"{self.workers} workers need a cluster of processes: {LOCAL}")
        if is_address and self.workers:
            raise ValueError(f"the cluster at {self.cluster} has its own workers; leave workers 0")
        return self

    @property
    def is_local(self) -> bool:
        """True where this run starts worker processes itself."""
        return self.cluster == LOCAL

    @property
    def is_distributed(self) -> bool:
        """True where other processes do the work."""
        return self.cluster != NONE
