"""``python -m jupyter_ssh.commands``: ``jupyter-ssh`` of this very interpreter."""

import sys

from jupyter_ssh.commands import main

sys.exit(main())
