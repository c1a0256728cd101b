"""The names that are known without TensorFlow are those of what can be built and learned."""

from helpers.models import known
from helpers.models.build import BUILDERS
from helpers.models.targets import TARGETS


def test_known_names_are_all_and_no_others():
    assert set(known.ARCHITECTURES) == set(BUILDERS)
    assert set(known.TARGETS) == set(TARGETS)
    assert set(known.ANY_SIZE) <= set(BUILDERS)
