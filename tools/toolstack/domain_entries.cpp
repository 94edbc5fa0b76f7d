// SPDX-License-Identifier: LGPL-2.1-or-later
// Xenstore entries of a domain, as libxl lays them out (docs/misc/xenstore-paths.pandoc of Xen).
#include "tools/toolstack/domain_entries.hpp"

#include <algorithm>

namespace sr {
namespace {

constexpr unsigned console_limit_octets = 1048576;  // what xenconsoled keeps of unread output

/// Nodes under the domain's path that the guest itself writes.
constexpr const char* guest_nodes[] = {
    "/control/shutdown",
    "/control/feature-poweroff",
    "/control/feature-reboot",
    "/control/feature-suspend",
    "/control/sysrq",
    "/device/suspend/event-channel",
    "/data",
    "/drivers",
    "/feature",
    "/attr",
    "/error",
};
/// Nodes that the guest may read, and a backend or toolstack fills.
constexpr const char* host_nodes[] = {"/cpu",     "/memory", "/device",
                                      "/control", "/store",  "/console"};

/// Out of the guest's sight, and gone with the domain whoever destroys it.
std::string incomplete_path(DomId domid)
{
    return libxl_path(domid) + "/libsr-incomplete";
}

void make_nodes(const StoreView& store, DomId domid)
{
    const std::string path = domain_path(domid);
    const StoreAccess readable{.owner = 0, .reader = domid};
    store.remove(path);
    store.make(path, readable);
    for (const char* node : host_nodes) {
        store.make(path + node, readable);
    }
    for (const char* node : guest_nodes) {
        store.make(path + node, {.owner = domid, .reader = std::nullopt});
    }
}

void write_vm(const StoreView& store, DomId domid, const DomainConfig& config)
{
    const std::string path = "/vm/" + to_string(config.uuid);
    store.remove(path);
    store.make(path, {.owner = 0, .reader = domid});
    store.write(path + "/uuid", to_string(config.uuid));
    store.write(path + "/name", config.name);
    store.write(domain_path(domid) + "/vm", path);
    store.make(libxl_path(domid), {});
    store.write(libxl_path(domid) + "/type", to_string(config.type));
    store.write(incomplete_path(domid), "1");
    if (config.max_grant_version) {
        store.write(libxl_path(domid) + grant_version_node,
                    std::to_string(*config.max_grant_version));
    }
    if (config.max_grant_frames) {
        store.write(libxl_path(domid) + grant_frames_node,
                    std::to_string(*config.max_grant_frames));
    }
}

void write_sizes(const StoreView& store, DomId domid, const DomainConfig& config)
{
    const std::string path = domain_path(domid);
    store.write(path + "/memory/static-max", std::to_string(config.max_memory_kib));
    store.write(path + "/memory/target", std::to_string(config.target_memory_kib));
    store.write(path + "/memory/videoram", "0");
    for (unsigned vcpu = 0; vcpu < config.max_vcpus; ++vcpu) {
        store.write(path + "/cpu/" + std::to_string(vcpu) + "/availability",
                    config.vcpu_online.at(vcpu) ? "online" : "offline");
    }
}

}  // namespace

std::string domain_path(DomId domid)
{
    return "/local/domain/" + std::to_string(domid);
}

std::string libxl_path(DomId domid)
{
    return "/libxl/" + std::to_string(domid);
}

void write_domain_entries(const StoreView& store, DomId domid, const DomainConfig& config)
{
    make_nodes(store, domid);
    write_vm(store, domid, config);
    write_sizes(store, domid, config);
    const std::string path = domain_path(domid);
    store.write(path + "/name", config.name);
    store.write(path + "/domid", std::to_string(domid));
    store.write(path + "/control/platform-feature-multiprocessor-suspend", "1");
    store.write(path + "/control/platform-feature-xs_reset_watches", "1");
}

void write_ring_entries(const StoreView& store, DomId domid, const RingEntry& xenstore,
                        const RingEntry& console)
{
    const std::string path = domain_path(domid);
    store.write(path + "/store/port", std::to_string(xenstore.port));
    store.write(path + "/store/ring-ref", std::to_string(xenstore.frame));
    store.write(path + "/console/limit", std::to_string(console_limit_octets));
    store.write(path + "/console/type", "xenconsoled");
    store.write(path + "/console/output", "pty");
    store.write(path + "/console/tty", "");
    store.write(path + "/console/port", std::to_string(console.port));
    store.write(path + "/console/ring-ref", std::to_string(console.frame));
}

bool is_marked_incomplete(const StoreView& store, DomId domid)
{
    return store.read(incomplete_path(domid)).has_value();
}

void mark_complete(const StoreView& store, DomId domid)
{
    store.remove(incomplete_path(domid));
}

void remove_domain_entries(const StoreView& store, DomId domid)
{
    const auto vm = store.read(domain_path(domid) + "/vm");
    store.remove(domain_path(domid));
    store.remove(libxl_path(domid));
    if (!vm || !vm->starts_with("/vm/")) {
        return;
    }
    const auto others = store.list("/local/domain");
    const bool shared = std::any_of(others.begin(), others.end(), [&](const std::string& id) {
        return store.read("/local/domain/" + id + "/vm") == vm;
    });
    if (!shared) {
        store.remove(*vm);
    }
}

}  // namespace sr
