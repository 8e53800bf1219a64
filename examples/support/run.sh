# Sourced by the program `run` of an example: installs and builds what is missing, then runs check.py beside it.
# shellcheck shell=bash
example=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
source "$example/../../scripts/common.sh"
case " $* " in *" --help "* | *" -h "*) exec python3 "$example/check.py" --help ;; esac
if [[ " $* " != *" --keyfold "* ]]; then
  "$top/scripts/setup" build scripts
  case " $* " in *" --kafka "* | *" --real "*) "$top/scripts/setup" test ;; esac
  compile release keyfold
  set -- --keyfold "$build/release/keyfold" "$@"
fi
exec python3 "$example/check.py" "$@"
