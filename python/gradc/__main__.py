# SPDX-License-Identifier: Apache-2.0
"""python -m gradc: the gradc command."""
from gradc_command import main

main()
