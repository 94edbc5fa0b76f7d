// SPDX-License-Identifier: LGPL-2.1-or-later
// bench-run: one save or restore by either engine, timed around the engine's call only. Prints one line of JSON.
//
//   bench-run save libsr|stock DOMID null|pipe|FILE    the domain is suspended, and stays so
//   bench-run restore libsr|stock FILE|pipe:FILE KIB   into a new domain of one vCPU, destroyed afterwards
//   with SR_BENCH_PIPE in the environment, a pipe has so many octets before the engine gets it
//   bench-run pipe FILE SIZE                           FILE through a bare pipe of SIZE octets (0: as it comes)
#include "libsr/base/error.hpp"
#include "libsr/base/fd.hpp"
#include "tests/bench/contender.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/pipe_peer.hpp"
#include "tools/toolstack/create.hpp"
#include "tools/toolstack/uuid.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>

namespace sr::bench {
namespace {

constexpr std::string_view pipe_prefix = "pipe:";

std::unique_ptr<Contender> open_contender(std::string_view name)
{
    if (name == "libsr") {
        return open_libsr();
    }
    if (name == "stock") {
        return open_stock();
    }
    throw Error{Errc::usage, "an engine is libsr or stock"};
}

/// Of the pipe that an engine is given; 0: as it comes.
int pipe_size()
{
    const char* const size = std::getenv("SR_BENCH_PIPE");
    return size != nullptr ? std::stoi(size) : 0;
}

Fd open_file(const std::string& path, int flags)
{
    Fd fd{::open(path.c_str(), flags | O_CLOEXEC, 0600)};
    if (!fd) {
        throw Error::from_errno(Errc::io, errno, "%s", path.c_str());
    }
    return fd;
}

void save(std::string_view engine, std::uint32_t domid, const std::string& target)
{
    std::optional<PipePeer> drain;
    if (target == "pipe") {
        drain.emplace(PipePeer::draining(pipe_size()));
    }
    const Fd file = target == "pipe"   ? Fd{}
                    : target == "null" ? open_file("/dev/null", O_WRONLY)
                                       : open_file(target, O_WRONLY | O_CREAT | O_TRUNC);
    const auto contender = open_contender(engine);
    const Measure measure;
    contender->save(domid, drain ? drain->fd() : file.get());
    measure.print();
}

DomainConfig configure(std::uint64_t kib)
{
    DomainConfig config;
    config.name = "bench-restored";
    config.uuid = random_uuid();
    config.max_memory_kib = config.target_memory_kib = kib;
    config.max_vcpus = 1;
    config.vcpu_online.assign(1, true);
    return config;
}

void restore(std::string_view engine, const std::string& source, std::uint64_t kib)
{
    std::optional<PipePeer> feed;
    if (source.starts_with(pipe_prefix)) {
        feed.emplace(PipePeer::feeding(source.substr(pipe_prefix.size()), pipe_size()));
    }
    const Fd file = feed ? Fd{} : open_file(source, O_RDONLY);
    Toolstack toolstack;
    const NewDomain domain{toolstack, configure(kib)};
    const auto contender = open_contender(engine);
    const Destination to{domain.id(), domain.store_port(), domain.console_port()};
    const Measure measure;
    contender->restore(to, feed ? feed->fd() : file.get());
    measure.print();
}

/// What a pipe carries when its reader does nothing with it.
void bare_pipe(const std::string& source, int size)
{
    constexpr std::size_t piece = std::size_t{1} << 20;
    const PipePeer feed = PipePeer::feeding(source, size);
    const auto buffer = std::make_unique<char[]>(piece);
    const Measure measure;
    while (::read(feed.fd(), buffer.get(), piece) > 0) {
    }
    measure.print();
}

int run(int argc, char** argv)
{
    const std::string_view verb = argc > 1 ? argv[1] : "";
    if (verb == "save" && argc == 5) {
        save(argv[2], static_cast<std::uint32_t>(std::stoul(argv[3])), argv[4]);
    } else if (verb == "restore" && argc == 5) {
        restore(argv[2], argv[3], std::stoull(argv[4]));
    } else if (verb == "pipe" && argc == 4) {
        bare_pipe(argv[2], std::stoi(argv[3]));
    } else {
        (void)std::fputs("usage: bench-run save ENGINE DOMID null|pipe|FILE | "
                         "restore ENGINE FILE|pipe:FILE KIB | pipe FILE SIZE\n",
                         stderr);
        return 2;
    }
    return 0;
}

}  // namespace
}  // namespace sr::bench

int main(int argc, char** argv)
{
    try {
        return sr::bench::run(argc, argv);
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "bench-run: %s\n", error.what());
        return 1;
    }
}
