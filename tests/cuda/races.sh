# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh after models.sh. Models with the hooks: no two threads of a launch touch the same word, one of them
# writing, without an order between them. ops.sh has them for all ops.
HOOKED_CC=${CC:-cc}; export HOOKED_CC
plain_cc=${CC:-cc}; CC=$here/hooked_cc.sh
if full; then orders=random model $curves/gpt.nn 2 races_gpt; fi # of others hooks.sh
orders=random model $curves/mlp.nn 2 races_mlp
CC=$plain_cc
