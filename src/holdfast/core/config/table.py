"""What all tables of the configuration file share. Pure."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """Unknown keys are refused, values do not change, inputs stay out of errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
