#!/bin/sh
# gradc 0.1.0
cd "$(dirname "$0")" || exit 1
"${GRADC:-gradc}" 'opt' '--verify' '--passes=autodiff,simplify,fold,cse,dce,layout,fuse,order,memory' 'in.ir'
