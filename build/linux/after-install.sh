# SPDX-License-Identifier: Apache-2.0
# After electron-builder's own part, and managers.sh. dpkg: `configure OLD`, OLD empty at first; rpm: how many versions are there now.
# After a removal that kept the settings dpkg names an old version, too, and after one that failed it says `abort-remove`: the mark that
# before-remove.sh has left tells that the service was enabled until then.

outpost_mark=/var/lib/outpost/enabled-before-removal

outpost_after_install() {
  case "$1" in
    configure) if [ -z "${2-}" ] || [ -f "$outpost_mark" ]; then outpost_how=first; else outpost_how=again; fi ;;
    abort-remove) if [ -f "$outpost_mark" ]; then outpost_how=first; else return 0; fi ;;
    1) outpost_how=first ;;
    [2-9]*) outpost_how=again ;;
    *) return 0 ;;
  esac
  rm -f "$outpost_mark"
  rmdir /var/lib/outpost 2>/dev/null || true
  if ! command -v systemctl >/dev/null 2>&1; then
    echo "outpost: no systemd here; each person's session must start: /usr/bin/outpost run"
    return 0
  fi
  # Only at first: who has switched it off keeps it off.
  if [ "$outpost_how" = first ]; then
    systemctl --global enable outpostd.service >/dev/null 2>&1 || echo 'outpost: outpostd.service could not be enabled'
  fi
  outpost_tell_managers daemon-reload
  if [ "$outpost_how" = first ]; then
    outpost_tell_managers start outpostd.service
  else
    outpost_tell_managers try-restart outpostd.service
  fi
}

outpost_after_install "$@"
exit 0
