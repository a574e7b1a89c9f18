"""The embedded broker's process."""

import sys

from mqtt.broker.child.main import main

sys.exit(main())
