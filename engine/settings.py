"""Where things lie and how much of the machine may be used: flag, then FRONTIER_* variable, then TOML, then default."""

import os
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any

from platformdirs import user_data_path
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from engine.errors import BadInput


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """One server's settings; every field may be set by FRONTIER_<NAME> or in frontier.toml beside app.py."""

    model_config = SettingsConfigDict(env_prefix="FRONTIER_", toml_file="frontier.toml", frozen=True)

    home: Path = Field(default_factory=lambda: user_data_path("frontier", appauthor=False))
    data: Path | None = Field(None, description="folder with data set files; default: <home>/data")
    workers: int = Field(2, ge=1, le=64, description="jobs that run at once")
    cores: int = Field(default_factory=_cores, ge=1, description="cores that all jobs share")
    cache_gb: float = Field(10.0, gt=0, description="cached features and noise; least recently used goes")
    own_gb: float = Field(2.0, gt=0, description="all data sets that people added, together")

    def __init__(self, **values: Any) -> None:
        """BadInput in one sentence when a value, a variable or frontier.toml is wrong."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise BadInput(_sentence(error)) from None
        except TOMLDecodeError as error:
            raise BadInput(f"frontier.toml is not valid TOML: {error}") from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def data_root(self) -> Path:
        return self.data or self.home / "data"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def artifacts(self) -> Path:
        return self.home / "models"

    @property
    def logs(self) -> Path:
        return self.home / "logs"


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return f"frontier.toml: '{name}' is no setting; choose from: {', '.join(sorted(Settings.model_fields))}"
    return f"FRONTIER_{name.upper()}={first['input']!r} {first['msg'].removeprefix('Input ')}"
