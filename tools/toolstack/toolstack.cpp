// SPDX-License-Identifier: LGPL-2.1-or-later
// Names, configurations and ends of domains, over Control and Xenstore.
#include "tools/toolstack/toolstack.hpp"

#include "libsr/base/error.hpp"
#include "tools/toolstack/domain_entries.hpp"

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

std::optional<std::uint64_t> stored_number(const StoreView& store, const std::string& path)
{
    const auto text = store.read(path);
    return text ? parse_number<std::uint64_t>(*text) : std::nullopt;
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

std::string Toolstack::name_of(DomId domid)
{
    return store_.now().read(domain_path(domid) + "/name").value_or("");
}

std::vector<NamedDomain> Toolstack::list()
{
    std::vector<NamedDomain> domains;
    for (const DomainState& state : control_.list()) {
        domains.push_back({state, name_of(state.id)});
    }
    return domains;
}

std::optional<NamedDomain> Toolstack::find_by_name(std::string_view name)
{
    auto domains = list();
    const auto found = std::find_if(domains.begin(), domains.end(),
                                    [&](const NamedDomain& each) { return each.name == name; });
    return found == domains.end() ? std::nullopt : std::optional{std::move(*found)};
}

std::optional<NamedDomain> Toolstack::find(std::string_view name_or_id)
{
    if (auto named = find_by_name(name_or_id)) {
        return named;
    }
    const auto domid = parse_number<DomId>(name_or_id);
    const auto state = domid ? control_.state_of(*domid) : std::nullopt;
    return state ? std::optional{NamedDomain{*state, name_of(*domid)}} : std::nullopt;
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
