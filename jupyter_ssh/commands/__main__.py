"""``python -m jupyter_ssh.commands``: ``jupyter-ssh`` with this interpreter."""

import sys

from jupyter_ssh.commands import main

sys.exit(main())
