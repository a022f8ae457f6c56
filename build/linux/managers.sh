# SPDX-License-Identifier: Apache-2.0
# Part of the maintainer scripts: asks the service manager of each person who is signed in. Where systemd does not run there is none.

outpost_managers() {
  if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
    systemctl list-units 'user@*.service' --state=active --plain --no-legend 2>/dev/null |
      sed -n 's/^user@\([0-9][0-9]*\)\.service .*/\1/p'
  fi
}

# Since 248 root can ask another person's manager.
outpost_systemd_is_old() {
  outpost_systemd=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9][0-9]*\).*/\1/p')
  [ -n "$outpost_systemd" ] && [ "$outpost_systemd" -lt 248 ]
}

outpost_told=

# Whatever one person's manager answers, the package is installed all the same. The time is for one that hangs.
outpost_tell_managers() {
  if [ -n "$(outpost_managers)" ] && outpost_systemd_is_old; then
    if [ -z "$outpost_told" ]; then
      echo "outpost: systemd $outpost_systemd cannot ask the services of others (248 can): who is signed in must sign out and in again"
    fi
    outpost_told=yes
    return 0
  fi
  for outpost_uid in $(outpost_managers); do
    timeout 20 systemctl --user -M "$outpost_uid@" "$@" >/dev/null 2>&1 || true
  done
}
