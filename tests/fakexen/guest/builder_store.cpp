// SPDX-License-Identifier: LGPL-2.1-or-later
// What a toolstack writes to xenstore about a new domain.
#include "tests/fakexen/guest/builder.hpp"

namespace fakexen::guest {

void Builder::write_store()
{
    const std::string home = "/local/domain/" + std::to_string(domid_);
    const xs_permissions dom0 = {0, XS_PERM_NONE};
    const xs_permissions reads = {domid_, XS_PERM_READ};
    const xs_permissions both = {domid_, XS_PERM_READ | XS_PERM_WRITE};
    const xs_permissions owns = {domid_, XS_PERM_NONE};
    toolstack_.make_directory(home, {dom0, reads});
    toolstack_.make_directory(home + "/control", {dom0, reads});
    toolstack_.make_directory(home + "/control/shutdown", {dom0, both});
    toolstack_.make_directory(home + "/data", {owns});
    toolstack_.make_directory(home + "/data/fakexen", {owns});

    const std::uint64_t kib = options_.shape.memory_pages * (page_size / 1024);
    toolstack_.write(home + "/name", options_.name);
    toolstack_.write(home + "/domid", std::to_string(domid_));
    toolstack_.write(home + "/memory/target", std::to_string(kib));
    toolstack_.write(home + "/memory/static-max", std::to_string(kib));
    for (std::uint32_t vcpu = 0; vcpu < options_.settings.nr_vcpus; ++vcpu) {
        const bool online = vcpu < options_.settings.nr_vcpus - options_.settings.nr_offline;
        toolstack_.write(home + "/cpu/" + std::to_string(vcpu) + "/availability",
                         online ? "online" : "offline");
    }
    toolstack_.write(home + "/store/ring-ref", std::to_string(p2m_[plan_.places.store_ring]));
    toolstack_.write(home + "/store/port", std::to_string(store_port_));
    toolstack_.write(home + "/console/ring-ref", std::to_string(p2m_[plan_.places.console_ring]));
    toolstack_.write(home + "/console/port", std::to_string(console_port_));
    toolstack_.write(home + "/console/limit", "1048576");
    toolstack_.write(home + "/console/type", "xenconsoled");
    if (!xs_introduce_domain(toolstack_.xs(), domid_, p2m_[plan_.places.store_ring], store_port_)) {
        throw CallError{"xs_introduce_domain"};
    }
}

}  // namespace fakexen::guest
