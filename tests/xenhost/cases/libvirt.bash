# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvirt's libxl driver: the helper is what libvirtd's environment names.
guests tiny
control_domain dom0-full

domain_xml() {
    cat <<END
<domain type='xen'>
  <name>$1</name>
  <memory unit='MiB'>24</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='xenpv'>linux</type>
    <kernel>/in/tiny-vmlinux</kernel>
    <initrd>/in/guest-initrd</initrd>
    <cmdline>console=hvc0 loglevel=4 work=4,0,64</cmdline>
  </os>
  <devices>
    <console type='pty'><target type='xen' port='0'/></console>
  </devices>
</domain>
END
}

virsh_() { virsh -q -c xen:///system "$@" || fail "virsh $1 failed"; }
libvirt_answers() { virsh -q -c xen:///system version >version.log 2>&1; }

# libvirt's Xen driver does not start where no model of its list is a part of the CPU, and on this one, of which QEMU
# and then Xen have taken features away, none is.
teach_libvirt_the_cpu() {
    local map=/usr/share/libvirt/cpu_map feature
    {
        echo "<cpus><model name='xenhost'><decode host='on' guest='on'/>"
        for feature in cx8 de fpu fxsr lm mmx msr pae pse sse sse2 tsc; do echo "<feature name='$feature'/>"; done
        echo "</model></cpus>"
    } >$map/x86_xenhost.xml
    sed -i "s,<include filename='x86_486.xml'/>,<include filename='x86_xenhost.xml'/>&," $map/index.xml
}

start_libvirt() {
    [ -e /usr/share/libvirt/cpu_map/x86_xenhost.xml ] || teach_libvirt_the_cpu
    # libvirtd ends where one of its drivers does not start, and that of QEMU wants this user.
    id libvirt-qemu >/dev/null 2>&1 || useradd -r -U -G kvm libvirt-qemu
    mkdir -p /run/libvirt /var/lib/libvirt/libxl /var/log/libvirt/libxl
    # shellcheck disable=SC2016  # the helper expands it
    printf '#!/bin/bash\necho "$1" >>%s/helper.log\nexec %s "$@"\n' "$PWD" "$(helper_of "$1")" >helper
    chmod +x helper
    LIBXL_SAVE_HELPER=$PWD/helper LIBVIRT_LOG_OUTPUTS=3:file:$PWD/libvirtd.log libvirtd -d || fail "libvirtd does not start"
    await 60 libvirt_answers || fail "libvirtd does not answer: $(tail -n 2 version.log)"
}

libvirt_save() {
    local from
    start_libvirt "$1"
    domain_xml g >g.xml
    echo g >>guests
    virsh_ create g.xml
    await 240 counted_to g 3 || fail "the guest did not start"
    from=$(count_of g)
    virsh_ save g g.save
    no_domains || fail "after virsh save there are: $(domains)"
    virsh_ restore g.save
    goes_on g "$from"
    virsh_ destroy g
    grep -q save-domain helper.log || fail "libvirt saved with another helper"
    grep -q restore-domain helper.log || fail "libvirt restored with another helper"
    pkill -TERM -x libvirtd
}

add libvirt-stock "virsh create, save, restore, stock" libvirt_save stock
add libvirt-libsr "virsh create, save, restore, by libsr" libvirt_save libsr
