// SPDX-License-Identifier: LGPL-2.1-or-later
// Names, configurations and ends of domains, over Control and Xenstore.
#include "tools/toolstack/toolstack.hpp"

#include "libsr/base/error.hpp"
#include "tools/toolstack/domain_entries.hpp"
#include "tools/toolstack/saver_mark.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace sr {
namespace {

template <typename Number>
std::optional<Number> parse_number(std::string_view text)
{
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

template <typename Number = std::uint64_t>
std::optional<Number> stored_number(const StoreView& store, const std::string& path)
{
    const auto text = store.read(path);
    return text ? parse_number<Number>(*text) : std::nullopt;
}

/// What libxl keeps of a domain it made; empty for domains of other toolstacks (libxl_userdata_retrieve with
/// the id "libxl-json", in XEN_LIB_DIR).
std::string libxl_config(const DomainState& state)
{
    const std::string path = "/var/lib/xen/userdata-d." + std::to_string(state.id) + '.' +
                             to_string(state.uuid) + ".libxl-json";
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    return file ? text.str() : std::string{};
}

}  // namespace

const char* word_for(const NamedDomain& domain) noexcept
{
    const DomainState& state = domain.state;
    if (state.is_dying) {
        return "dying";
    }
    if (domain.is_incomplete) {
        return "incomplete";
    }
    if (domain.saver) {
        return "being saved";
    }
    if (state.shutdown) {
        return state.is_suspended()                       ? "suspended"
               : *state.shutdown == ShutdownReason::crash ? "crashed"
                                                          : "shut down";
    }
    return state.is_paused ? "paused" : "running";
}

std::string label_of(const NamedDomain& domain)
{
    const std::string label = "domain " + std::to_string(domain.state.id);
    return domain.name.empty() ? label : label + " (" + domain.name + ')';
}

NamedDomain Toolstack::named(const DomainState& state)
{
    const StoreView store = store_.now();
    NamedDomain domain{state, name_of(state.id), is_marked_incomplete(store, state.id),
                       saver_of(store, state.id)};
    // A restore that was killed before it came to write anything down.
    domain.is_incomplete |= state.id != 0 && state.is_paused && state.nr_pages == 0 &&
                            !store.read(domain_path(state.id));
    return domain;
}

std::string Toolstack::name_of(DomId domid)
{
    return store_.now().read(domain_path(domid) + "/name").value_or("");
}

std::vector<NamedDomain> Toolstack::list()
{
    std::vector<NamedDomain> domains;
    for (const DomainState& state : control_.list()) {
        domains.push_back(named(state));
    }
    return domains;
}

std::optional<NamedDomain> Toolstack::find_by_name(std::string_view name)
{
    auto domains = list();
    const auto found = std::find_if(domains.begin(), domains.end(),
                                    [&](const NamedDomain& each) { return each.name == name; });
    return found == domains.end() ? find_in_store(name) : std::optional{std::move(*found)};
}

/// A domain that xenstore says has this name, and that the hypervisor knows when it is asked for that one.
std::optional<NamedDomain> Toolstack::find_in_store(std::string_view name)
{
    for (const std::string& entry : store_.now().list("/local/domain")) {
        const auto domid = parse_number<DomId>(entry);
        if (!domid || name_of(*domid) != name) {
            continue;
        }
        if (const auto state = control_.state_of(*domid)) {
            return named(*state);
        }
    }
    return std::nullopt;
}

std::optional<NamedDomain> Toolstack::find(std::string_view name_or_id)
{
    auto by_name = find_by_name(name_or_id);
    const auto domid = parse_number<DomId>(name_or_id);
    const auto state = domid ? control_.state_of(*domid) : std::nullopt;
    if (!state) {
        return by_name;
    }
    NamedDomain by_number = named(*state);
    if (by_name && by_name->state.id != state->id) {
        // A leading zero makes a number that no other domain is named.
        throw Error{Errc::usage,
                    "'%s' is the number of %s and the name of domain %u: say %s or %u",
                    std::string{name_or_id}.c_str(),
                    label_of(by_number).c_str(),
                    by_name->state.id,
                    by_number.name.empty() ? ("0" + std::to_string(state->id)).c_str()
                                           : by_number.name.c_str(),
                    by_name->state.id};
    }
    return by_number;
}

DomainConfig Toolstack::config_of(const NamedDomain& domain)
{
    const StoreView store = store_.now();
    const std::string path = domain_path(domain.state.id);
    const std::uint64_t owned_kib = domain.state.nr_pages * 4;
    DomainConfig config;
    config.type = domain.state.is_hvm ? GuestKind::hvm : GuestKind::pv;
    if (store.read(libxl_path(domain.state.id) + "/type") == "pvh") {
        config.type = GuestKind::pvh;
    }
    config.name = domain.name.empty() ? "domain-" + std::to_string(domain.state.id) : domain.name;
    config.uuid = domain.state.uuid;
    config.target_memory_kib = stored_number(store, path + "/memory/target").value_or(owned_kib);
    config.target_memory_kib = std::max(config.target_memory_kib, owned_kib);
    config.max_memory_kib = std::max(stored_number(store, path + "/memory/static-max").value_or(0),
                                     config.target_memory_kib);
    config.max_grant_version =
        stored_number<unsigned>(store, libxl_path(domain.state.id) + grant_version_node);
    config.max_grant_frames =
        stored_number<std::uint32_t>(store, libxl_path(domain.state.id) + grant_frames_node);
    config.max_vcpus = domain.state.max_vcpus;
    for (unsigned vcpu = 0; vcpu < config.max_vcpus; ++vcpu) {
        const auto online = store.read(path + "/cpu/" + std::to_string(vcpu) + "/availability");
        config.vcpu_online.push_back(online != "offline");
    }
    return config;
}

std::string Toolstack::config_text_of(const NamedDomain& domain)
{
    const DomainConfig config = config_of(domain);
    const std::string libxl_text = libxl_config(domain.state);
    try {
        return libxl_text.empty() ? to_json_text(config) : updated_json_text(libxl_text, config);
    } catch (const Error&) {
        return to_json_text(config);  // what libxl left there is of no use
    }
}

void Toolstack::resume(DomId domid)
{
    control_.resume(domid);
    store_.resume(domid);
}

void Toolstack::destroy(DomId domid)
{
    control_.destroy(domid);
    forget(domid);
}

void Toolstack::forget(DomId domid)
{
    store_.transaction([&](const StoreView& store) { remove_domain_entries(store, domid); });
}

}  // namespace sr
