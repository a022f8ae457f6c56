# SPDX-License-Identifier: Apache-2.0
# Part of the maintainer scripts: asks the service manager of each person who is signed in. Where systemd does not run there is none.

outpost_managers() {
  if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
    systemctl list-units 'user@*.service' --state=active --plain --no-legend 2>/dev/null |
      sed -n 's/^user@\([0-9][0-9]*\)\.service .*/\1/p'
  fi
}

# Whatever one person's manager answers, the package is installed all the same. The time is for one that hangs.
outpost_tell_managers() {
  for outpost_uid in $(outpost_managers); do
    timeout 20 systemctl --user -M "$outpost_uid@" "$@" >/dev/null 2>&1 || true
  done
}
