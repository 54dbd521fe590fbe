#!/bin/bash
# A real systemd as process 1 of new namespaces, on a copy of this machine's files that forgets what is written to it.
# usage (in new pid, mount, cgroup, uts, ipc and net namespaces): boot.sh STATE FILES
# STATE: an empty directory. FILES: a directory that is laid over the root inside; without it only what may be forbidden
# is tried, and nothing is booted.
set -eu
state=$1 files=${2:-}
mount --make-rprivate /
mount -t tmpfs tmpfs "$state"
mkdir "$state"/{upper,work,root}
root=$state/root
mount -t overlay overlay -o lowerdir=/,upperdir="$state/upper",workdir="$state/work" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
[ -n "$files" ] || exit 0

cp -a "$files"/. "$root/"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root"/dev/{shm,pts}
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"

# None of this machine's own units, and none that would touch its devices or kernel.
units=$root/etc/systemd/system
find "$units" "$root/etc/systemd/user" -type l -delete 2>/dev/null || :
for unit in systemd-udevd.service systemd-udevd-{control,kernel}.socket systemd-udev-trigger.service \
    systemd-modules-load.service systemd-sysctl.service; do
  ln -sf /dev/null "$units/$unit"
done
printf '[Unit]\nRequires=basic.target dbus.service\nAfter=basic.target\nAllowIsolate=yes\n' >"$units/lab.target"
: >"$root/etc/fstab"
: >"$root/etc/machine-id"
mkdir -p "$root/oldroot"
cd "$root"
pivot_root . oldroot
umount -l /oldroot
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=lab.target --log-target=console --show-status=no
