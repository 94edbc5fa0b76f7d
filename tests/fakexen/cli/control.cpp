// SPDX-License-Identifier: LGPL-2.1-or-later
// The commands that ask a host something and print the answer.
#include "tests/fakexen/cli/control.hpp"

#include "libsr/base/error.hpp"
#include "tests/fakexen/cli/options.hpp"
#include "tests/fakexen/protocol/client.hpp"

#include <nlohmann/json.hpp>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace fakexen::cli {

using nlohmann::json;

namespace {

int failed(const json& answer)
{
    (void)std::fprintf(stderr, "fakexen: %s\n", answer.at("error").get<std::string>().c_str());
    return static_cast<int>(ExitCode::failure);
}

/// Asks, prints JSON if that is wanted, else calls print.
template <typename Print>
int ask_and_print(const ControlOptions& options, const json& request, Print print)
{
    const json answer = ask(options.host, request);
    if (options.json) {
        (void)std::printf("%s\n", answer.dump(2).c_str());
        return answer.at("ok").get<bool>() ? 0 : static_cast<int>(ExitCode::failure);
    }
    if (!answer.at("ok").get<bool>()) {
        return failed(answer);
    }
    print(answer);
    return 0;
}

std::string number_or_none(const json& value)
{
    if (value.is_null()) {
        return "none";
    }
    char text[32];
    (void)std::snprintf(text, sizeof text, "%#" PRIx64, value.get<std::uint64_t>());
    return text;
}

const char* yes_or_no(const json& value)
{
    return value.get<bool>() ? "yes" : "no";
}

void print_domain(const json& domain)
{
    (void)std::printf(
        "%5" PRIu64 "  %-10s %8" PRIu64 " %8" PRIu64 " %5" PRIu64 "  %s\n",
        domain.at("domid").get<std::uint64_t>(), domain.at("state").get<std::string>().c_str(),
        domain.at("pages").get<std::uint64_t>(), domain.at("max_pages").get<std::uint64_t>(),
        domain.at("vcpus").get<std::uint64_t>(), domain.at("played").get<bool>() ? "played" : "-");
}

void print_grants(const json& grants)
{
    const auto number = [&](const char* name) { return grants.at(name).get<std::uint64_t>(); };
    (void)std::printf("grants: version %" PRIu64 " of %" PRIu64 ", frames %" PRIu64 " of %" PRIu64
                      ", status frames %" PRIu64 "%s, %" PRIu64 " mapped by others, %" PRIu64
                      " mapped of others\n",
                      number("version"), number("max_version"), number("nr_frames"),
                      number("max_frames"), number("status_frames"),
                      grants.at("status_array").get<bool>() ? "" : " (not tracked)",
                      number("mapped_by_others"), number("mappings"));
}

void print_show(const json& answer)
{
    (void)std::printf("domid  state         pages max-pages vcpus  guest\n");
    print_domain(answer);
    (void)std::printf("shared_info mfn %s, log-dirty %s\n",
                      number_or_none(answer.at("shared_info_mfn")).c_str(),
                      answer.at("log_dirty").get<bool>() ? "on" : "off");
    for (const json& vcpu : answer.at("vcpu_states")) {
        (void)std::printf("vcpu %" PRIu64
                          ": online %s, rip %s, cr3 mfn %s, cr1 mfn %s, gdt entries %" PRIu64 "\n",
                          vcpu.at("id").get<std::uint64_t>(), yes_or_no(vcpu.at("online")),
                          number_or_none(vcpu.at("rip")).c_str(),
                          number_or_none(vcpu.at("cr3_mfn")).c_str(),
                          number_or_none(vcpu.at("cr1_mfn")).c_str(),
                          vcpu.at("gdt_entries").get<std::uint64_t>());
    }
    print_grants(answer.at("grants"));
    for (const auto& [type, count] : answer.at("pages_by_type").items()) {
        (void)std::printf("pages %-18s %8" PRIu64 "\n", type.c_str(), count.get<std::uint64_t>());
    }
    for (const json& mapping : answer.at("mappings")) {
        (void)std::printf("mapped by %s (%d): %" PRIu64 " pages, %s\n",
                          mapping.at("program").get<std::string>().c_str(),
                          mapping.at("process").get<int>(),
                          mapping.at("pages").get<std::uint64_t>(),
                          mapping.at("writable").get<bool>() ? "writable" : "read-only");
    }
    const auto store = answer.at("store").get<std::string>();
    if (!store.empty()) {
        (void)std::printf("store:\n%s\n", store.c_str());
    }
}

void print_frame(const json& answer)
{
    (void)std::printf("mfn %s\npfn %s\nowner %s\n", number_or_none(answer.at("mfn")).c_str(),
                      number_or_none(answer.at("pfn")).c_str(),
                      number_or_none(answer.at("owner")).c_str());
    (void)std::printf(
        "references %" PRIu64 "\ntype %s, count %" PRIu64 ", validated %s, pinned %s\n",
        answer.at("references").get<std::uint64_t>(), answer.at("type").get<std::string>().c_str(),
        answer.at("type_count").get<std::uint64_t>(), yes_or_no(answer.at("validated")),
        yes_or_no(answer.at("pinned")));
    (void)std::printf("allocated %s, Xen's own %s\n", yes_or_no(answer.at("allocated")),
                      yes_or_no(answer.at("xen_heap")));
    for (const json& holder : answer.at("mapped_by")) {
        (void)std::printf("mapped by %s (%d), %s\n",
                          holder.at("program").get<std::string>().c_str(),
                          holder.at("process").get<int>(),
                          holder.at("writable").get<bool>() ? "writable" : "read-only");
    }
}

}  // namespace

json ask(const std::string& host, const json& request)
{
    auto [client, error] =
        Client::connect(host.empty() ? nullptr : host.c_str(), protocol::Role::dom0, 0);
    if (!client) {
        const char* name = host.empty() ? std::getenv("FAKEXEN_HOST") : host.c_str();
        if (name == nullptr) {
            throw sr::Error{sr::Errc::usage, "which host? Give its directory or set FAKEXEN_HOST"};
        }
        throw sr::Error::from_errno(sr::Errc::io, error, "no host answers in %s", name);
    }
    const std::string text = request.dump();
    const protocol::Control head;
    if (const int failure =
            send_packet(client->socket(), packet_of(head), std::as_bytes(std::span{text}));
        failure != 0) {
        throw sr::Error::from_errno(sr::Errc::io, failure, "asking the host");
    }
    std::string answer;
    std::vector<std::byte> piece(protocol::message_limit);
    protocol::ControlReply reply = {};
    do {
        const Received received = receive_packet(client->socket(), piece);
        if (received.error != 0 || received.length < sizeof reply) {
            throw sr::Error::from_errno(sr::Errc::io, received.error, "the host's answer");
        }
        std::memcpy(&reply, piece.data(), sizeof reply);
        const void* text_at = piece.data() + sizeof reply;
        answer.append(static_cast<const char*>(text_at), received.length - sizeof reply);
    } while (reply.more != 0);
    return json::parse(answer);
}

int report_leaks(const json& answer, bool strict)
{
    for (const json& leak : answer.at("leaks")) {
        (void)std::fprintf(stderr, "fakexen: leak: %s\n", leak.get<std::string>().c_str());
    }
    for (const json& note : answer.at("notes")) {
        (void)std::fprintf(stderr, "fakexen: %s%s\n", strict ? "leak: " : "",
                           note.get<std::string>().c_str());
    }
    if (const auto most = answer.at("status_frames").at("most").get<std::uint64_t>(); most > 0) {
        (void)std::fprintf(stderr, "fakexen: there were %" PRIu64 " grant status frames at most\n",
                           most);
    }
    const bool leaks = !answer.at("leaks").empty() || (strict && !answer.at("notes").empty());
    return leaks ? static_cast<int>(ExitCode::leaks) : 0;
}

int list(const ControlOptions& options)
{
    return ask_and_print(options, {{"command", "list"}}, [](const json& answer) {
        (void)std::printf("domid  state         pages max-pages vcpus  guest\n");
        for (const json& domain : answer.at("domains")) {
            print_domain(domain);
        }
        (void)std::printf("frames %" PRIu64 ", free %" PRIu64 ", mfns %s to %s\n",
                          answer.at("frames").get<std::uint64_t>(),
                          answer.at("free_frames").get<std::uint64_t>(),
                          number_or_none(answer.at("first_mfn")).c_str(),
                          number_or_none(answer.at("max_mfn")).c_str());
        const json& status_frames = answer.at("status_frames");
        (void)std::printf("grant status frames %" PRIu64 ", at most %" PRIu64 "\n",
                          status_frames.at("now").get<std::uint64_t>(),
                          status_frames.at("most").get<std::uint64_t>());
    });
}

int show(const ControlOptions& options)
{
    return ask_and_print(options, {{"command", "show"}, {"domid", options.domid}}, print_show);
}

int frame(const ControlOptions& options)
{
    char* end = nullptr;
    const std::uint64_t mfn = std::strtoull(options.mfn.c_str(), &end, 0);
    if (*end != '\0') {
        throw sr::Error{sr::Errc::usage, "%s is not a frame number", options.mfn.c_str()};
    }
    return ask_and_print(options, {{"command", "frame"}, {"mfn", mfn}}, print_frame);
}

int adopt(const ControlOptions& options)
{
    return ask_and_print(options, {{"command", "adopt"}, {"domid", options.domid}},
                         [](const json& answer) {
                             for (const json& change : answer.at("changes")) {
                                 (void)std::printf("%s\n", change.get<std::string>().c_str());
                             }
                         });
}

int step(const ControlOptions& options)
{
    return ask_and_print(options,
                         {{"command", "step"}, {"domid", options.domid}, {"steps", options.steps}},
                         [](const json&) {});
}

int calls(const ControlOptions& options)
{
    return ask_and_print(options, {{"command", "calls"}}, [](const json& answer) {
        for (const json& call : answer.at("calls")) {
            (void)std::printf("%s\n", call.get<std::string>().c_str());
        }
    });
}

int fail(const ControlOptions& options)
{
    return ask_and_print(
        options, {{"command", "fail"}, {"process", options.process}, {"cues", options.cues}},
        [](const json&) {});
}

// The host answers before it goes. A lock on its directory keeps the next one waiting until it is gone.
int stop(const ControlOptions& options)
{
    int code = 0;
    const int result = ask_and_print(options, {{"command", "stop"}}, [&](const json& answer) {
        code = report_leaks(answer, options.strict);
    });
    return result != 0 ? result : code;
}

}  // namespace fakexen::cli
