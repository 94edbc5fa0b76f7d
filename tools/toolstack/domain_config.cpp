// SPDX-License-Identifier: LGPL-2.1-or-later
// libxl's JSON configuration, as far as a domain without devices needs it.
#include "tools/toolstack/domain_config.hpp"

#include "libsr/base/error.hpp"

#include <nlohmann/json.hpp>

#include <limits>

namespace sr {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned vcpu_limit = 8192;  // HVM_MAX_VCPUS is 128, a PV domain's limit 8192

[[noreturn]] void refuse(const char* member, const char* why)
{
    throw Error{Errc::malformed, "domain configuration: %s %s", member, why};
}

const Json& section(const Json& config, const char* name)
{
    const auto found = config.find(name);
    if (found == config.end() || !found->is_object()) {
        refuse(name, "is missing");
    }
    return *found;
}

std::string text_or(const Json& from, const char* member, const char* otherwise)
{
    const auto found = from.find(member);
    if (found == from.end() || found->is_null()) {
        return otherwise;
    }
    if (!found->is_string()) {
        refuse(member, "is not a string");
    }
    return found->get<std::string>();
}

std::optional<std::uint64_t> number(const Json& from, const char* member)
{
    const auto found = from.find(member);
    if (found == from.end() || found->is_null()) {
        return std::nullopt;
    }
    if (!found->is_number_unsigned()) {
        refuse(member, "is not a number");
    }
    return found->get<std::uint64_t>();
}

/// libxl's defbools are the strings "True", "False" and "<default>".
bool defbool(const Json& from, const char* member)
{
    return text_or(from, member, "<default>") == "True";
}

GuestKind parse_type(const std::string& word)
{
    for (const GuestKind type : {GuestKind::pv, GuestKind::pvh, GuestKind::hvm}) {
        if (word == to_string(type)) {
            return type;
        }
    }
    throw Error{Errc::malformed, "domain configuration: unknown type '%s'", word.c_str()};
}

Uuid parse_config_uuid(const Json& create)
{
    const std::string text = text_or(create, "uuid", "");
    if (text.empty()) {
        return random_uuid();
    }
    const auto uuid = parse_uuid(text);
    if (!uuid) {
        refuse("uuid", "is not a UUID");
    }
    return *uuid;
}

void parse_memory(const Json& build, DomainConfig& config)
{
    const auto max = number(build, "max_memkb");
    const auto target = number(build, "target_memkb");
    config.max_memory_kib = max.value_or(target.value_or(0));
    config.target_memory_kib = target.value_or(config.max_memory_kib);
    constexpr std::uint64_t limit_kib = std::uint64_t{1} << 42U;  // 52-bit physical addresses
    if (config.max_memory_kib == 0 || config.max_memory_kib > limit_kib ||
        config.target_memory_kib > limit_kib) {
        refuse("max_memkb", "is missing or out of range");
    }
}

void parse_vcpus(const Json& build, DomainConfig& config)
{
    const auto count = number(build, "max_vcpus").value_or(1);
    if (count == 0 || count > vcpu_limit) {
        refuse("max_vcpus", "is out of range");
    }
    config.max_vcpus = static_cast<unsigned>(count);
    const auto online = build.find("avail_vcpus");
    if (online == build.end() || !online->is_array()) {
        config.vcpu_online.assign(config.max_vcpus, true);
        return;
    }
    config.vcpu_online.assign(config.max_vcpus, false);
    for (const Json& id : *online) {
        if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= config.max_vcpus) {
            refuse("avail_vcpus", "names a vCPU that does not exist");
        }
        config.vcpu_online[id.get<std::size_t>()] = true;
    }
}

/// A limit of the grant table. LIBXL_MAX_GRANT_DEFAULT, all ones, is the host's: libxl leaves it out as a rule.
std::optional<std::uint32_t> grant_limit(const Json& build, const char* member, std::uint32_t most)
{
    const auto found = build.find(member);
    if (found != build.end() && found->is_number_integer() &&
        *found == -1) {  // the version is an int
        return std::nullopt;
    }
    const auto limit = number(build, member);
    if (!limit || *limit == std::numeric_limits<std::uint32_t>::max()) {
        return std::nullopt;
    }
    if (*limit > most) {
        refuse(member, "is out of range");
    }
    return static_cast<std::uint32_t>(*limit);
}

/// Within what XEN_DOMCTL_createdomain has room for: whether the host offers it is the host's to say.
void parse_grants(const Json& build, DomainConfig& config)
{
    config.max_grant_version = grant_limit(build, "max_grant_version", 0xf);
    config.max_grant_frames =
        grant_limit(build, "max_grant_frames", std::numeric_limits<std::int32_t>::max());
}

Json parse_text(std::string_view text)
{
    while (!text.empty() && text.back() == '\0') {
        text.remove_suffix(1);
    }
    Json config = Json::parse(text, nullptr, false);
    if (config.is_discarded() || !config.is_object()) {
        throw Error{Errc::malformed, "domain configuration: not a JSON object"};
    }
    return config;
}

Json online_vcpus(const DomainConfig& config)
{
    Json ids = Json::array();
    for (unsigned id = 0; id < config.max_vcpus; ++id) {
        if (config.vcpu_online.at(id)) {
            ids.push_back(id);
        }
    }
    return ids;
}

std::string dumped(const Json& whole)
{
    return whole.dump(4, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

const char* to_string(GuestKind type) noexcept
{
    switch (type) {
    case GuestKind::pv:
        return "pv";
    case GuestKind::pvh:
        return "pvh";
    case GuestKind::hvm:
        return "hvm";
    }
    return "?";
}

DomainConfig parse_domain_config(std::string_view json_text)
{
    const Json whole = parse_text(json_text);
    const Json& create = section(whole, "c_info");
    const Json& build = section(whole, "b_info");
    DomainConfig config;
    config.type = parse_type(text_or(create, "type", "pv"));
    config.name = text_or(create, "name", "");
    if (config.name.empty()) {
        refuse("name", "is missing");
    }
    config.uuid = parse_config_uuid(create);
    parse_memory(build, config);
    parse_vcpus(build, config);
    if (const auto x86 = build.find("arch_x86"); x86 != build.end() && x86->is_object()) {
        config.msr_relaxed = defbool(*x86, "msr_relaxed");
    }
    parse_grants(build, config);
    return config;
}

std::string updated_json_text(std::string_view libxl_text, const DomainConfig& config)
{
    Json whole = parse_text(libxl_text);
    (void)section(whole, "c_info");
    (void)section(whole, "b_info");
    Json& create = whole["c_info"];
    create["name"] = config.name;
    create["uuid"] = to_string(config.uuid);
    Json& build = whole["b_info"];
    build["max_vcpus"] = config.max_vcpus;
    build["avail_vcpus"] = online_vcpus(config);
    build["max_memkb"] = config.max_memory_kib;
    build["target_memkb"] = config.target_memory_kib;
    return dumped(whole);
}

std::string to_json_text(const DomainConfig& config)
{
    Json create = {{"type", to_string(config.type)},
                   {"name", config.name},
                   {"uuid", to_string(config.uuid)},
                   {"run_hotplug_scripts", "True"}};
    Json build = {{"max_vcpus", config.max_vcpus},
                  {"avail_vcpus", online_vcpus(config)},
                  {"max_memkb", config.max_memory_kib},
                  {"target_memkb", config.target_memory_kib},
                  {"video_memkb", 0}};
    build[std::string("type.") + to_string(config.type)] = Json::object();
    build["arch_x86"] = {{"msr_relaxed", config.msr_relaxed ? "True" : "False"}};
    if (config.max_grant_version) {
        build["max_grant_version"] = *config.max_grant_version;
    }
    if (config.max_grant_frames) {
        build["max_grant_frames"] = *config.max_grant_frames;
    }
    const Json whole = {{"c_info", std::move(create)}, {"b_info", std::move(build)}};
    return dumped(whole);
}

}  // namespace sr
