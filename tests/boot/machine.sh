# shellcheck shell=bash
# A Debian machine to boot, of either architecture: its system, its kernel, our packages in it, the first disk it starts from.
# Read by scripts/boot-test and scripts/fault-test, which set `target` (cargo's folder) and say what the machine is for.
#
# Must not start anything: what is booted, and how, is whose script reads this.

release=bookworm
packages=systemd-sysv,dbus,libpam-systemd,polkitd,procps,kmod,e2fsprogs

stop() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# machine_needs PACKAGES PROGRAM…: each program has to be there; PACKAGES are all that bring them.
machine_needs() {
    local from=$1 program
    shift
    [ "$(id -u)" -eq 0 ] || stop "only root can make a system to boot"
    for program in "$@" mmdebstrap cpio zstd mke2fs depmod; do
        command -v "$program" >/dev/null || stop "$program is missing; install: $from mmdebstrap arch-test cpio zstd e2fsprogs kmod"
    done
}

# machine_base NEST ARCH: a system of that architecture as NEST/RELEASE.tar; made once.
machine_base() {
    local nest=$1 arch=$2 base=$1/$release.tar mirror
    mkdir -p "$nest"
    # Programs of the other architecture run here while the system is made.
    if [ "$arch" = arm64 ] && [ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]; then
        mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
        cat /usr/lib/binfmt.d/qemu-aarch64.conf >/proc/sys/fs/binfmt_misc/register
    fi
    [ ! -f "$base" ] || return 0
    mirror=$(scripts/mirror)
    scripts/step "make a Debian system for $arch" mmdebstrap --architectures="$arch" --variant=minbase --mode=root \
        --include=$packages --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' "$release" "$nest/$release.part.tar" ${mirror:+"$mirror"}
    mv "$nest/$release.part.tar" "$base"
}

# machine_kernel NEST ARCH: Debian's kernel in NEST/kernel/; fetched once.
machine_kernel() {
    local nest=$1 arch=$2 apt=$1/apt options image
    [ ! -f "$nest/kernel/vmlinuz" ] || return 0
    rm -rf "$nest/kernel.part"
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$nest/kernel.part"
    options=(-o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Dir::State="$apt/state" -o Dir::Cache="$apt/cache"
        -o Dir::State::status="$apt/status")
    : >"$apt/status"
    apt-get "${options[@]}" -qq update
    image=$(apt-cache "${options[@]}" depends "linux-image-$arch" | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    (cd "$apt" && apt-get "${options[@]}" -qq download "$image")
    dpkg-deb -x "$apt/$image"_*.deb "$nest/kernel.part"
    cp "$nest"/kernel.part/boot/vmlinuz-* "$nest/kernel.part/vmlinuz"
    rm -rf "$apt" "$nest/kernel"
    mv "$nest/kernel.part" "$nest/kernel"
}

# machine_packages DIST ARCH: our packages have to be in the folder DIST.
machine_packages() {
    [ -f "$(echo "$1"/valetd_*_"$2".deb)" ] || stop "there are no packages; make them: make dist TARGET=$(basename "$1")"
}

# machine_root NEST DIST: a tree of the system in NEST/root, with the packages of the folder DIST installed.
machine_root() {
    local nest=$1 dist=$2 root=$1/root unit
    rm -rf "$root"
    mkdir -p "$root"
    tar -xf "$nest/$release.tar" -C "$root"
    mount -t proc proc "$root/proc"
    mkdir -p "$root/opt/valet"
    cp "$dist"/*.deb "$root/opt/valet/"
    chroot "$root" sh -c 'dpkg -i /opt/valet/*.deb' >"$nest/install.log" 2>&1 || { cat "$nest/install.log"; exit 1; }
    umount "$root/proc"
    rm "$root"/opt/valet/*.deb
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/etc/systemd/system/valetd.service.d" "$root/data"
    for unit in console-getty.service getty@.service serial-getty@.service systemd-timesyncd.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    # The daemon waits for the disk on which its state lies.
    printf '[Unit]\nRequires=disk.service\nAfter=disk.service\n' >"$root/etc/systemd/system/valetd.service.d/disk.conf"
    : >"$root/etc/machine-id"
    ln -sf usr/lib/systemd/systemd "$root/init"
}

# machine_clear NEST: takes the tree away again, whatever state it is in.
machine_clear() {
    umount -q "$1/root/proc" 2>/dev/null || true
    rm -rf "$1/root"
}

# machine_unit NEST FILE…: units that are started at each boot.
machine_unit() {
    local root=$1/root file
    shift
    for file in "$@"; do
        install -m 0644 "$file" "$root/etc/systemd/system/"
        ln -sf "../$(basename "$file")" "$root/etc/systemd/system/multi-user.target.wants/"
    done
}

# machine_modules NEST MODULE…: modules of the kernel into the tree, to be loaded at boot.
machine_modules() {
    local nest=$1 root=$1/root kernel module file
    shift
    kernel=$(basename "$nest"/kernel/lib/modules/*)
    mkdir -p "$root/lib/modules/$kernel"
    cp "$nest/kernel/lib/modules/$kernel"/modules.* "$root/lib/modules/$kernel/"
    # What has no file is in the kernel itself.
    for module in "$@"; do
        file=$(cd "$nest/kernel" && find "lib/modules/$kernel" -name "$module.ko*" | head -n 1)
        [ -z "$file" ] || install -D -m 0644 "$nest/kernel/$file" "$root/$file"
    done
    depmod -b "$root" "$kernel"
    printf "%s\n" "$@" >"$root/etc/modules-load.d/disk.conf"
}

# machine_pack NEST: the tree into NEST/root.cpio.zst.
machine_pack() {
    (cd "$1/root" && find . -xdev | cpio -o -H newc --quiet) | zstd -q -3 -f -o "$1/root.cpio.zst"
}

# machine_disk FILE SIZE: an empty ext4 disk.
machine_disk() {
    rm -f "$1"
    truncate -s "$2" "$1"
    mke2fs -q -t ext4 "$1"
}

# machine_skill NEST CTL SKILL: two versions of a skill's folder as /opt/valet/media-2.valet and -3, signed by a key that the
# machine trusts.
machine_skill() {
    local root=$1/root ctl=$2 skill=$3 keys version
    keys=$(mktemp -d)
    "$ctl" skill key --no-password "$keys/key" >/dev/null
    "$ctl" trust add --folder "$root/etc/valetd/trust.d" --name tester --namespace 'org.valetd.**' --class body "$keys/key.pub" >/dev/null
    for version in 2 3; do
        rm -rf "${keys:?}/media"
        cp -r "$skill" "$keys/media"
        sed -i "s/^version = .*/version = \"$version.0.0\"/; s/^counter = .*/counter = $version/" "$keys/media/skill.toml"
        "$ctl" skill pack -o "$root/opt/valet/media-$version.valet" "$keys/media" >/dev/null
        "$ctl" skill sign --key "$keys/key.key" "$root/opt/valet/media-$version.valet" >/dev/null
    done
    rm -rf "$keys"
}
