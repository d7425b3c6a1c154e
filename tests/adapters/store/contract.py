"""What every store keeps, whatever it is made of. Inherit, and give the fixture `store`."""

from __future__ import annotations

from tests.adapters.store.contract_acceptance import AcceptContract
from tests.adapters.store.contract_costs import CostContract
from tests.adapters.store.contract_ledger import LedgerContract
from tests.adapters.store.contract_letters import LettersContract
from tests.adapters.store.contract_overdue import OverdueContract
from tests.adapters.store.contract_quality import QualityContract
from tests.adapters.store.contract_reading import ReadContract
from tests.adapters.store.contract_states import StateContract
from tests.adapters.store.contract_views import ViewContract


class StoreContract(
    AcceptContract,
    LedgerContract,
    CostContract,
    LettersContract,
    StateContract,
    ReadContract,
    OverdueContract,
    ViewContract,
    QualityContract,
):
    """All of it."""
