"""`python -m stormproof`."""

import sys

from stormproof.cli import main

sys.exit(main())
