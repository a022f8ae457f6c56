#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs, upgrades, removes and purges a deb on this very machine, under a layer that takes every write: the machine itself is not
# changed. Run by deb.test.ts inside namespaces of its own:
#   unshare --mount --pid --fork --kill-child install-in-overlay.sh OLD.deb NEW.deb RESULTS [start]
set -eu

old=$1 new=$2 results=$3 start=${4-}
layer=$results/layer
mkdir "$layer"
mount -t tmpfs -o size=12g,mode=755 tmpfs "$layer"
upper=$layer/upper root=$layer/root
mkdir "$upper" "$layer/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$upper,workdir=$layer/work" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
cp "$old" "$root/tmp/old.deb"
cp "$new" "$root/tmp/new.deb"

inside() {
  chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# As nobody in particular. The home outlives the package.
as_person='env -i PATH=/usr/bin:/bin HOME=/home/person LC_ALL=C.UTF-8'
person() {
  # shellcheck disable=SC2086
  chroot --userspec=54321:54321 "$root" $as_person "$@"
}

# What the layer holds that the machine does not have (+), what it hides (-): files and links, and folders of their own.
changes() {
  (cd "$upper" && find . -mindepth 1 \( -path ./root -o -path ./home \) -prune -o -print | LC_ALL=C sort) | while read -r path; do
    if [ -c "$upper/$path" ]; then
      echo "- ${path#.}"
    elif [ ! -e "/$path" ] && [ ! -L "/$path" ]; then
      echo "+ ${path#.}"
    fi
  done >"$results/$1.changes"
}

enabled() {
  if [ -L "$root/etc/systemd/user/default.target.wants/outpostd.service" ]; then echo yes; else echo no; fi >"$results/$1.enabled"
}

# Whether the mark of a removal is there.
marked() {
  if [ -e "$root/var/lib/outpost" ]; then echo yes; else echo no; fi >"$results/$1.marked"
}

mkdir -p "$root/home/person"
chown 54321:54321 "$root/home/person"

# What Electron needs of a desktop is not installed here, and is not asked for.
inside dpkg --force-depends -i /tmp/old.deb >"$results/install.log" 2>&1
changes installed
enabled installed
stat -c '%a %U:%G %n' "$root/opt/Outpost/chrome-sandbox" "$root/usr/bin/outpost" "$root/opt/Outpost/resources/daemon/outpost" |
  sed "s# $root# #" >"$results/modes"
inside readlink -f /usr/bin/outpost-tray >"$results/tray-link"

daemon=
if [ -n "$start" ]; then
  person /usr/bin/outpost --version >"$results/version"
  # No function: the process must become the daemon, so that the signal below reaches it.
  # shellcheck disable=SC2086
  chroot --userspec=54321:54321 "$root" $as_person /usr/bin/outpost run --proxy-port 0 --gateway-port 0 --api-port 0 --ready-file /home/person/ready \
    >"$results/daemon.log" 2>&1 &
  daemon=$!
  waited=0
  while [ ! -s "$root/home/person/ready" ] && [ "$waited" -lt 600 ] && kill -0 "$daemon" 2>/dev/null; do
    sleep 0.1
    waited=$((waited + 1))
  done
  cp "$root/home/person/ready" "$results/ready" || { cat "$results/daemon.log" >&2; exit 1; }
  person /usr/bin/outpost status >"$results/status" 2>&1
fi

inside dpkg --force-depends -i /tmp/new.deb >"$results/upgrade.log" 2>&1
# shellcheck disable=SC2016
inside dpkg-query -W -f '${Version} ${db:Status-Abbrev}\n' outpost >"$results/upgraded.version"
enabled upgraded

if [ -n "$daemon" ]; then
  # The one from before the upgrade still serves, and still ends cleanly.
  person /usr/bin/outpost status >"$results/status-upgraded" 2>&1
  kill -TERM "$daemon"
  if wait "$daemon"; then echo 0; else echo $?; fi >"$results/daemon.code"
fi

# An administrator's choice outlives an upgrade.
inside systemctl --global disable outpostd.service >/dev/null 2>&1
inside dpkg --force-depends -i /tmp/new.deb >>"$results/upgrade.log" 2>&1
enabled disabled-by-hand
inside systemctl --global enable outpostd.service >/dev/null 2>&1

person mkdir -p -m 700 /home/person/.local/state/outpost
person sh -c 'echo kept >/home/person/.local/state/outpost/mine'
inside dpkg -r outpost >"$results/remove.log" 2>&1
enabled removed
changes removed

# What was on before a removal that keeps the settings is on again after it, and what was off stays off.
inside dpkg --force-depends -i /tmp/new.deb >>"$results/upgrade.log" 2>&1
enabled again
marked again
inside systemctl --global disable outpostd.service >/dev/null 2>&1
inside dpkg -r outpost >>"$results/remove.log" 2>&1
inside dpkg --force-depends -i /tmp/new.deb >>"$results/upgrade.log" 2>&1
enabled again-off

# A removal that fails after our part leaves it as it was.
prerm=$root/var/lib/dpkg/info/outpost.prerm
inside systemctl --global enable outpostd.service >/dev/null 2>&1
sed -i 's/^exit 0$/exit 1/' "$prerm"
if inside dpkg -r outpost >>"$results/remove.log" 2>&1; then echo 'the removal has not failed' >&2; exit 1; fi
enabled aborted
marked aborted
sed -i 's/^exit 1$/exit 0/' "$prerm"
inside dpkg -r outpost >>"$results/remove.log" 2>&1

inside dpkg -P outpost >"$results/purge.log" 2>&1
changes purged
cat "$root/home/person/.local/state/outpost/mine" >"$results/mine"
