// SPDX-License-Identifier: LGPL-2.1-or-later
// fakexen-guest: builds a paravirtual guest on a fakexen host, plays its kernel, tells how it is.
#include "tests/fakexen/guest/builder.hpp"
#include "tests/fakexen/guest/commands.hpp"
#include "tests/fakexen/guest/granter.hpp"
#include "tests/fakexen/guest/run.hpp"
#include "tests/fakexen/guest/spoil.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>

namespace fakexen::guest {
namespace {

struct Arguments {
    CreateOptions create;
    std::uint64_t memory_octets = 64ULL << 20;
    bool quiet_tables = false;
    bool no_balloon = false;
    bool bad_pte = false;
    bool bad_m2p = false;
    bool keep_shared_info = false;
    bool stale_tables = false;
    bool plain_vcpus = false;
    bool keep_grant = false;
    bool need_v2 = false;
    bool silent_exchange = false;
    bool no_wait = false;
    bool as_restored = false;
    bool forget_xenstored = false;
    std::uint32_t domid = 0;
    std::string log_file;
    std::string what;
};

int create(Arguments& arguments)
{
    CreateOptions& options = arguments.create;
    Settings& settings = options.settings;
    settings.seed = options.shape.seed;
    settings.nr_vcpus = options.shape.nr_vcpus;
    settings.workload = (arguments.quiet_tables ? 0U : unsigned{workload_tables}) |
                        (arguments.no_balloon ? 0U : unsigned{workload_balloon}) |
                        (arguments.bad_pte ? unsigned{workload_bad_pte} : 0U) |
                        (arguments.bad_m2p ? unsigned{workload_bad_m2p} : 0U) |
                        (arguments.keep_shared_info ? unsigned{workload_keep_shared_info} : 0U) |
                        (arguments.plain_vcpus ? unsigned{workload_plain_vcpus} : 0U) |
                        (arguments.keep_grant ? unsigned{workload_keep_grant} : 0U) |
                        (arguments.need_v2 ? unsigned{workload_need_v2} : 0U) |
                        (arguments.silent_exchange ? unsigned{workload_silent_exchange} : 0U) |
                        (arguments.stale_tables ? unsigned{workload_stale} : 0U);
    options.shape.memory_pages = arguments.memory_octets / page_size;
    options.shape.nr_grant_refs = settings.grants != 0 ? nr_grant_refs(settings.grant_pages) : 0;
    settings.hot_pages = std::max(settings.hot_pages, 1U);
    if (settings.nr_offline >= settings.nr_vcpus || settings.nr_vcpus > max_vcpus ||
        options.shape.p2m_offset % page_size != 0) {
        throw std::invalid_argument{
            "vCPU 0 must be online, at most 128 vCPUs, whole pages of offset"};
    }
    Toolstack toolstack;
    const std::uint32_t domid = Builder{toolstack, options}.create();
    (void)std::printf("%u\n", domid);
    return 0;
}

int status(const Arguments& arguments)
{
    const Status status = status_of(Toolstack{}, arguments.domid);
    (void)std::printf("count %s, %s: %s\n", status.count.c_str(), status.state.c_str(),
                      status.verdict.empty() ? "no verdict" : status.verdict.c_str());
    return status.is_bad() ? 1 : 0;
}

int grants(const Arguments& arguments)
{
    (void)std::printf("%s\n", grants_of(Toolstack{}, arguments.domid).c_str());
    return 0;
}

int fingerprint(const Arguments& arguments)
{
    (void)std::printf("%s\n", status_of(Toolstack{}, arguments.domid).fingerprint.c_str());
    return 0;
}

/// A guest of 64 GiB looks at each of its pages before it goes, and may be slow to run.
constexpr std::chrono::seconds patience{100};

int suspend(const Arguments& arguments)
{
    const Toolstack toolstack;
    give_order(toolstack, arguments.domid, "suspend");
    if (!arguments.no_wait) {
        await_suspend(toolstack, arguments.domid, patience);
    }
    return 0;
}

int order(const Arguments& arguments)
{
    give_order(Toolstack{}, arguments.domid, arguments.what);
    return 0;
}

int resume(const Arguments& arguments)
{
    resume_domain(Toolstack{}, arguments.domid, !arguments.as_restored,
                  !arguments.forget_xenstored);
    return 0;
}

int destroy(const Arguments& arguments)
{
    destroy_domain(Toolstack{}, arguments.domid);
    return 0;
}

int spoil(const Arguments& arguments)
{
    spoil(Toolstack{}, arguments.domid, arguments.what);
    return 0;
}

/// Plays a kernel. Its log goes where it was told, or to guest-DOMID.log in the host's directory; "-" is stdout.
int attach(const Arguments& arguments)
{
    const char* const host = std::getenv("FAKEXEN_HOST");
    std::string name = arguments.log_file;
    if (name.empty() && host != nullptr) {
        name = std::string{host} + "/guest-" + std::to_string(arguments.domid) + ".log";
    }
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{
        name.empty() || name == "-" ? nullptr : std::fopen(name.c_str(), "ae"), &std::fclose};
    run_domain(arguments.domid, file ? file.get() : stdout);
    return 0;
}

/// What such a guest does all the time, as a live save sees it.
void add_unrest(CLI::App& command, Arguments& arguments)
{
    Settings& settings = arguments.create.settings;
    settings.dirty_rate = 32;
    settings.hot_pages = 256;
    settings.table_rate = settings.balloon_rate = 1;
    command.add_option("--dirty-rate", settings.dirty_rate, "Pages rewritten each quantum");
    command.add_option("--dirty-pattern", settings.dirty_pattern, "Which: random, hot or stream")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, DirtyPattern>{{"random", DirtyPattern::random},
                                                {"hot", DirtyPattern::hot},
                                                {"stream", DirtyPattern::stream}}));
    command.add_option("--hot-pages", settings.hot_pages, "Of the pattern hot: how many");
    command.add_option("--table-rate", settings.table_rate,
                       "Page tables made, changed or dropped each quantum");
    command.add_option("--balloon-rate", settings.balloon_rate,
                       "Pages that go or come each quantum, at most");
    command.add_option("--exchange-rate", settings.exchange_rate,
                       "Pages that get another machine frame each quantum");
    command.add_flag("--exchange-silently", arguments.silent_exchange,
                     "They are not written then, and must stay as they came");
    command.add_option("--p2m-moves", settings.p2m_move_period,
                       "Quanta from one move of a page of the p2m to the next");
}

/// Grant tables: of one's own, and other domains'.
void add_grants(CLI::App& command, Arguments& arguments)
{
    constexpr std::uint32_t default_pages = 64;
    constexpr std::uint32_t most_pages = 12000;  // what 64 frames of version 2 hold
    Settings& settings = arguments.create.settings;
    settings.grant_pages = default_pages;
    settings.grant_rate = 2;
    settings.map_hold = 8;
    command.add_option("--grants", settings.grants, "Grant pages, by a table of version v1 or v2")
        ->transform(
            CLI::CheckedTransformer(std::map<std::string, std::uint32_t>{{"v1", 1}, {"v2", 2}}));
    command.add_option("--grant-peer", settings.grant_peer, "To this domain, or to dom0");
    command.add_option("--grant-pages", settings.grant_pages, "How many")
        ->check(CLI::Range(1U, most_pages));
    command.add_option("--grant-rate", settings.grant_rate,
                       "Grants that end and are made each quantum");
    command.add_option("--grant-switch", settings.grant_switch,
                       "Quanta from one switch of the table's version to the next");
    command.add_flag("--grants-need-v2", arguments.need_v2,
                     "Crash where there is no version 2, as Linux 3.x did");
    command
        .add_option("--max-grant-version", arguments.create.max_grant_version,
                    "What the domain may have: 1 or 2")
        ->check(CLI::IsMember({1, 2}));
    command.add_option("--map-grants-of", settings.map_grants_of,
                       "Map what this domain grants, again and again");
    command.add_option("--map-hold", settings.map_hold,
                       "Quanta for which that stays mapped; 0: for good");
    command.add_option("--grant-to", settings.grant_to, "Let this domain map a page");
    command.add_option("--map-grant-of", settings.map_grant_of,
                       "Map the page that this domain has granted");
    command.add_flag("--keep-grant", arguments.keep_grant,
                     "Suspend with other domains' pages mapped, as a driver should not");
}

void add_create(CLI::App& app, Arguments& arguments)
{
    CLI::App* const command = app.add_subcommand("create", "Build a guest; prints its domid");
    Shape& shape = arguments.create.shape;
    Settings& settings = arguments.create.settings;
    arguments.create.name = "guest";
    settings.period_ms = 10;
    settings.p2m_kind = P2mKind::list;
    command->add_option("--name", arguments.create.name, "Name in xenstore");
    command->add_option("--bits", arguments.create.bits, "64, or 32: a PAE kernel")
        ->check(CLI::IsMember({32, 64}));
    command->add_option("--memory", arguments.memory_octets, "Memory, such as 64M")
        ->transform(CLI::AsSizeValue(false));
    command->add_option("--vcpus", shape.nr_vcpus, "Number of vCPUs");
    command->add_option("--offline", settings.nr_offline, "How many of them stay offline");
    command->add_option("--p2m", settings.p2m_kind, "list or tree")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, P2mKind>{{"list", P2mKind::list}, {"tree", P2mKind::tree}}));
    command
        ->add_option("--p2m-offset", shape.p2m_offset, "Octets from a 512 GiB boundary to the list")
        ->transform(CLI::AsSizeValue(false));
    command->add_option("--holes", shape.nr_holes, "pfns without memory, scattered");
    command->add_flag("--identity-holes", shape.identity_holes,
                      "Every other of them is an identity entry of the p2m");
    command->add_option("--trailing-holes", shape.trailing_holes, "pfns without memory at the end");
    command->add_option("--sparse", shape.nr_pfns, "Size of the p2m, which memory does not fill");
    add_unrest(*command, arguments);
    command->add_option("--period", settings.period_ms, "Milliseconds between quanta");
    command->add_option("--seed", shape.seed, "The same seed, the same life");
    command->add_flag("--no-tables", arguments.quiet_tables, "No page tables that come and go");
    command->add_flag("--no-balloon", arguments.no_balloon, "No pages that come and go");
    command->add_flag("--bad-pte", arguments.bad_pte,
                      "Leave an entry in a page table that names a frame the p2m does not know");
    command->add_flag("--bad-m2p", arguments.bad_m2p,
                      "Let the M2P and the p2m disagree on a frame that a page table names");
    command->add_option("--give-back", settings.nr_given_back,
                        "Pages in one range that it balloons out when it boots");
    command->add_flag("--keep-shared-info", arguments.keep_shared_info,
                      "Suspend with shared_info mapped, whose frame no p2m knows");
    command->add_flag("--stale-tables", arguments.stale_tables,
                      "Keep pages that were page tables once and name frames that are gone");
    command->add_flag("--plain-vcpus", arguments.plain_vcpus,
                      "vCPUs without MSRs, extended state and system call callbacks");
    add_grants(*command, arguments);
    command->add_flag("--paused", arguments.create.paused, "Do not start it");
}

/// A subcommand about one domain.
CLI::App* add_command(CLI::App& app, Arguments& arguments, const char* name, const char* help)
{
    CLI::App* const command = app.add_subcommand(name, help);
    command->add_option("domid", arguments.domid)->required();
    return command;
}

int run(int argc, char** argv)
{
    CLI::App app{"A paravirtual guest for a fakexen host ($FAKEXEN_HOST)"};
    Arguments arguments;
    add_create(app, arguments);
    add_command(app, arguments, "status", "Print a guest's count and verdict; exit 1 if it is bad");
    add_command(app, arguments, "grants", "Print what it grants, and what it maps of others");
    add_command(
        app, arguments, "fingerprint",
        "Print a number that guests share which had lived the same life when they suspended");
    add_command(app, arguments, "suspend", "Have it suspend, through xenstore")
        ->add_flag("--no-wait", arguments.no_wait, "Only ask");
    CLI::App* const resume_command =
        add_command(app, arguments, "resume", "Let a suspended guest go on where it is");
    resume_command->add_flag("--forget-xenstored", arguments.forget_xenstored,
                             "Do not tell xenstored, so that it misses the next suspend");
    resume_command->add_flag("--as-restored", arguments.as_restored,
                             "It is to believe that it was restored");
    add_command(app, arguments, "order", "Tell it, through xenstore, to shut down or to switch")
        ->add_option("what", arguments.what)
        ->required()
        ->check(CLI::IsMember({"poweroff", "reboot", "crash", "grants-v1", "grants-v2"}));
    add_command(app, arguments, "destroy", "End it");
    add_command(app, arguments, "spoil",
                "Damage a suspended guest, so that its verdict must change")
        ->add_option("what", arguments.what)
        ->required()
        ->check(CLI::IsMember(spoilable()));
    auto* const attach_option = app.add_option("--attach", arguments.domid,
                                               "Play this domain's kernel until it is no more");
    app.add_option("--log", arguments.log_file,
                   "Where the kernel's log goes: a file, or - for stdout");
    app.require_subcommand(0, 1);
    CLI11_PARSE(app, argc, argv);

    if (app.got_subcommand("create")) {
        return create(arguments);
    }
    const std::pair<const char*, int (*)(const Arguments&)> commands[] = {
        {"status", status}, {"grants", grants}, {"fingerprint", fingerprint}, {"suspend", suspend},
        {"order", order},   {"resume", resume}, {"destroy", destroy},         {"spoil", spoil}};
    for (const auto& [name, command] : commands) {
        if (app.got_subcommand(name)) {
            return command(arguments);
        }
    }
    if (attach_option->count() != 0) {
        return attach(arguments);
    }
    (void)std::fputs(app.help().c_str(), stderr);
    return 2;
}

}  // namespace
}  // namespace fakexen::guest

int main(int argc, char** argv)
{
    try {
        return fakexen::guest::run(argc, argv);
    } catch (const std::exception& failure) {
        (void)std::fprintf(stderr, "fakexen-guest: %s\n", failure.what());
        return 1;
    }
}
