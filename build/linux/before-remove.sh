# SPDX-License-Identifier: Apache-2.0
# After managers.sh. Before the files go, not before a newer version: dpkg says `remove`, rpm says 0.
# With dpkg the settings outlive a removal: whether the service was enabled is one of them (after-install.sh).

outpost_before_remove() {
  case "$1" in
    remove | 0) ;;
    *) return 0 ;;
  esac
  outpost_tell_managers stop outpostd.service
  if command -v systemctl >/dev/null 2>&1; then
    if [ "$1" = remove ] && systemctl --global is-enabled --quiet outpostd.service 2>/dev/null; then
      mkdir -p /var/lib/outpost && : >/var/lib/outpost/enabled-before-removal
    fi
    systemctl --global disable outpostd.service >/dev/null 2>&1 || true
  fi
}

outpost_before_remove "$@"
exit 0
