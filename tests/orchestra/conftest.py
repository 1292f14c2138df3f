"""What every story of the orchestra may ask for."""

from tests.orchestra.hall import hall as hall
