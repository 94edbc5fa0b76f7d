// SPDX-License-Identifier: LGPL-2.1-or-later
// list, show, frame, calls, fail, step, adopt, stop.
#include "tests/fakexen/host/control.hpp"

#include "tests/fakexen/host/adopt.hpp"
#include "tests/fakexen/host/pte.hpp"
#include "tests/fakexen/host/server.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace fakexen {
namespace {

using nlohmann::json;

/// What a command is told when it cannot be done.
struct CommandError {
    std::string text;
};

Domain& domain_of(Server& server, const json& request)
{
    const auto id = request.at("domid").get<std::uint64_t>();
    Domain* domain = server.xen().domain(id);
    if (domain == nullptr) {
        throw CommandError{"there is no domain " + std::to_string(id)};
    }
    return *domain;
}

std::string state_of(const Domain& domain)
{
    if (domain.life == Life::dying) {
        return "dying";
    }
    if (domain.shut_down) {
        static constexpr std::array names = {"poweroff", "reboot",   "suspended",
                                             "crashed",  "watchdog", "soft-reset"};
        return domain.shutdown_code < names.size() ? names[domain.shutdown_code] : "shut down";
    }
    return domain.is_paused() ? "paused" : "running";
}

json summary_of(const Server& server, const Domain& domain, const Players& players)
{
    (void)server;
    return {{"domid", domain.id},           {"state", state_of(domain)},
            {"pages", domain.nr_pages},     {"max_pages", domain.max_pages},
            {"vcpus", domain.vcpus.size()}, {"played", players.is_played(domain.id)}};
}

/// Grant status frames of all domains, those that are gone too.
json status_frames_of(const Hypervisor& xen)
{
    return {{"now", xen.nr_status_frames()}, {"most", xen.status_frames_peak()}};
}

json list(Server& server, const json&)
{
    json domains = json::array();
    for (const auto& [id, domain] : server.xen().domains()) {
        domains.push_back(summary_of(server, *domain, server.players()));
    }
    const Machine& machine = server.xen().machine;
    return {{"domains", domains},
            {"frames", machine.nr_frames()},
            {"free_frames", machine.nr_free()},
            {"first_mfn", machine.first_mfn()},
            {"max_mfn", machine.max_mfn()},
            {"status_frames", status_frames_of(server.xen())}};
}

json pages_by_type(const Machine& machine, const Domain& domain)
{
    std::map<std::string, std::uint64_t> counts;
    for (std::uint64_t mfn = machine.first_mfn(); mfn <= machine.max_mfn(); ++mfn) {
        const FrameState& frame = machine.frame(Mfn{mfn});
        if (frame.owner != &domain) {
            continue;
        }
        std::string name = frame.xen_heap ? "xen" : to_string(frame.type);
        if (!frame.xen_heap && is_table(frame.type)) {
            name += frame.pinned ? " pinned" : frame.validated ? " validated" : " de-validated";
        }
        ++counts[name];
    }
    return counts;
}

json vcpus_of(const Domain& domain)
{
    json vcpus = json::array();
    for (const auto& vcpu : domain.vcpus) {
        if (!vcpu) {
            continue;
        }
        vcpus.push_back({{"id", vcpu->id},
                         {"online", !vcpu->down},
                         {"initialised", vcpu->initialised},
                         {"rip", vcpu->context.user_regs.rip},
                         {"rsp", vcpu->context.user_regs.rsp},
                         {"cr3_mfn", vcpu->kernel_table ? vcpu->kernel_table->number() : 0},
                         {"cr1_mfn", vcpu->user_table ? vcpu->user_table->number() : 0},
                         {"gdt_entries", vcpu->gdt_entries}});
    }
    return vcpus;
}

json mappings_of(Server& server, const Domain& domain)
{
    (void)server.xen().maps.reclaim_stale();
    json mappings = json::array();
    for (const ForeignMapping& mapping : server.xen().maps.all()) {
        if (mapping.domid == domain.id) {
            mappings.push_back({{"process", mapping.process},
                                {"program", server.process_name(mapping.process)},
                                {"pages", mapping.nr_mapped},
                                {"writable", mapping.writable}});
        }
    }
    return mappings;
}

/// A domain's grant table: what it is, and how many grants are in use, by others and by it.
json grants_of(const Domain& domain)
{
    const GrantTable& table = domain.grants;
    const auto nr_mappings = std::count_if(table.mappings.begin(), table.mappings.end(),
                                           [](const GrantMapping& at) { return at.flags != 0; });
    return {{"version", table.version()},
            {"max_version", table.limits.max_version},
            {"nr_frames", table.shared.size()},
            {"max_frames", table.limits.max_frames},
            {"status_frames", table.nr_status_frames()},
            {"status_array", table.status.has_value()},
            {"mapped_by_others", table.active.size()},
            {"mappings", nr_mappings}};
}

json show(Server& server, const json& request)
{
    const Domain& domain = domain_of(server, request);
    json answer = summary_of(server, domain, server.players());
    answer["vcpu_states"] = vcpus_of(domain);
    answer["pages_by_type"] = pages_by_type(server.xen().machine, domain);
    answer["mappings"] = mappings_of(server, domain);
    answer["grants"] = grants_of(domain);
    answer["log_dirty"] = domain.dirty.enabled();
    answer["shared_info_mfn"] = domain.shared_info ? domain.shared_info->number() : 0;
    answer["store"] = server.store() != nullptr ? server.store()->dump(domain.id) : "";
    return answer;
}

json frame(Server& server, const json& request)
{
    const Machine& machine = server.xen().machine;
    const Mfn mfn{request.at("mfn").get<std::uint64_t>()};
    if (!machine.is_ram(mfn)) {
        throw CommandError{machine.is_m2p(mfn) ? "a frame of the M2P table" : "not a frame of RAM"};
    }
    const FrameState& state = machine.frame(mfn);
    json answer = {{"mfn", mfn.number()},
                   {"owner", state.owner != nullptr ? json(state.owner->id) : json()},
                   {"references", state.references},
                   {"type", to_string(state.type)},
                   {"type_count", state.type_count},
                   {"validated", state.validated},
                   {"pinned", state.pinned},
                   {"allocated", state.allocated},
                   {"xen_heap", state.xen_heap},
                   {"linear_count", state.linear_count}};
    const std::uint64_t pfn = machine.m2p(mfn);
    answer["pfn"] = pfn == invalid_m2p_entry ? json() : json(pfn);
    json holders = json::array();
    for (const ForeignMapping& mapping : server.xen().maps.all()) {
        if (std::find(mapping.frames.begin(), mapping.frames.end(), mfn.number()) !=
            mapping.frames.end()) {
            holders.push_back({{"process", mapping.process},
                               {"program", server.process_name(mapping.process)},
                               {"writable", mapping.writable}});
        }
    }
    answer["mapped_by"] = holders;
    return answer;
}

json calls(Server& server, const json&)
{
    return {{"calls", server.trace().lines()}};
}

json fail(Server& server, const json& request)
{
    const auto process = request.at("process").get<pid_t>();
    if (!server.replace_cues(process, request.at("cues").get<std::string>())) {
        throw CommandError{"process " + std::to_string(process) + " is no client"};
    }
    return json::object();
}

json step(Server& server, const json& request)
{
    const Domain& domain = domain_of(server, request);
    if (!server.players().is_played(domain.id)) {
        throw CommandError{"nobody plays domain " + std::to_string(domain.id)};
    }
    server.players().grant_steps(domain.id, request.at("steps").get<std::uint64_t>());
    return json::object();
}

json adopt(Server& server, const json& request)
{
    Domain& domain = domain_of(server, request);
    if (server.players().is_played(domain.id)) {
        throw CommandError{"domain " + std::to_string(domain.id) +
                           " is played by a guest program: it can suspend by itself"};
    }
    const AdoptResult result = adopt_domain(server.xen(), domain);
    if (!result.error.empty()) {
        throw CommandError{result.error};
    }
    return {{"changes", result.changes}};
}

json stop(Server& server, const json&)
{
    const LeakReport report = server.leak_report();
    server.stop();
    return {{"leaks", report.leaks},
            {"notes", report.notes},
            {"status_frames", status_frames_of(server.xen())}};
}

struct Command {
    const char* name;
    json (*serve)(Server&, const json&);
};

constexpr Command commands[] = {{"list", list}, {"show", show}, {"frame", frame}, {"calls", calls},
                                {"fail", fail}, {"step", step}, {"adopt", adopt}, {"stop", stop}};

json serve(Server& server, const std::string& text)
{
    const json request = json::parse(text);
    const auto name = request.at("command").get<std::string>();
    for (const Command& command : commands) {
        if (name == command.name) {
            json answer = command.serve(server, request);
            answer["ok"] = true;
            return answer;
        }
    }
    throw CommandError{"unknown command " + name};
}

}  // namespace

std::string serve_control(Server& server, const std::string& request)
{
    json answer;
    try {
        answer = serve(server, request);
    } catch (const CommandError& e) {
        answer = {{"ok", false}, {"error", e.text}};
    } catch (const json::exception& e) {
        answer = {{"ok", false}, {"error", e.what()}};
    }
    // A guest's store may hold octets that are no text.
    return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace fakexen
