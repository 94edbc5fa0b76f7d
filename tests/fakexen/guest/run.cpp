// SPDX-License-Identifier: LGPL-2.1-or-later
// One quantum after the other. What vCPU 0's rip says decides what the kernel does first.
#include "tests/fakexen/guest/run.hpp"

#include "tests/fakexen/guest/balloon.hpp"
#include "tests/fakexen/guest/exchange.hpp"
#include "tests/fakexen/guest/grant_mapper.hpp"
#include "tests/fakexen/guest/granter.hpp"
#include "tests/fakexen/guest/grants.hpp"
#include "tests/fakexen/guest/p2m_moves.hpp"
#include "tests/fakexen/guest/p2m_publish.hpp"
#include "tests/fakexen/guest/pages.hpp"
#include "tests/fakexen/guest/processes.hpp"
#include "tests/fakexen/guest/store_ring.hpp"
#include "tests/fakexen/guest/suspend.hpp"
#include "tests/fakexen/guest/vcpu_info.hpp"
#include "tests/fakexen/guest/vcpu_state.hpp"
#include "tests/fakexen/guest/vcpus.hpp"
#include "tests/fakexen/guest/verify.hpp"

#include <cinttypes>

namespace fakexen::guest {

namespace {

constexpr std::uint64_t quanta_per_log_line = 32;
constexpr std::uint64_t quanta_per_switch = 4;
constexpr std::uint64_t quanta_per_look = 32;  ///< at control/shutdown, watch or no watch

class Life {
public:
    Life(const Machine& machine, std::FILE* log) : machine_{machine}, log_{log} {}

    /// One quantum, from registers to registers. @return milliseconds until the next is wanted
    std::uint32_t quantum();

private:
    void boot(Kernel& kernel);
    void tick(Kernel& kernel);
    void do_odd_things(Kernel& kernel) const;
    void tell_of_grants(const Kernel& kernel, StoreRing& store) const;
    void report(Kernel& kernel, StoreRing& store, const char* what);
    [[nodiscard]] std::string order(Kernel& kernel, StoreRing& store);
    void obey(Kernel& kernel, StoreRing& store, const std::string& order);
    void crash(Kernel* kernel, const char* why);
    void log(const Kernel& kernel, const std::string& text) const;

    const Machine& machine_;
    std::FILE* log_;
};

void Life::log(const Kernel& kernel, const std::string& text) const
{
    (void)std::fprintf(log_, "tick %" PRIu64 ": %s\n", kernel.state.count, text.c_str());
    (void)std::fflush(log_);
}

std::uint32_t Life::quantum()
{
    const auto vcpu = machine_.read_vcpu(0);
    std::optional<Kernel> kernel;
    try {
        kernel.emplace(machine_, *vcpu.value().abi, vcpu->context);
        const auto marker =
            static_cast<Marker>(vcpu->context.user_regs.rip & ~protocol::guest_signature_mask);
        if (marker == Marker::boot) {
            boot(*kernel);
        } else if (marker == Marker::suspended) {
            resume(*kernel, vcpu->context.user_regs.rax);
            log(*kernel, "resumed: " + verdict_of(kernel->state));
            StoreRing store{*kernel};
            report(*kernel, store, "running");
        }
        tick(*kernel);
        return kernel->state.settings.period_ms;
    } catch (const PageFault& fault) {
        crash(kernel ? &*kernel : nullptr, fault.what());
    } catch (const Panic& panic) {
        crash(kernel ? &*kernel : nullptr, panic.what());
    }
    return 0;
}

void Life::boot(Kernel& kernel)
{
    State& state = kernel.state;
    state.kernel_cr3 = state.places.top_table;
    map_shared_info(kernel);
    publish_p2m(kernel);
    place_vcpu_info(kernel, false);
    start_vcpus(kernel);
    set_vcpu_state(kernel);
    give_back_range(kernel);
    if ((state.settings.workload & workload_tables) != 0) {
        const unsigned levels = kernel.abi().levels;
        for (std::size_t index = 0; index < max_processes; ++index) {
            const Hold hold = hold_of_slot(kernel, index);
            const auto top = hold == Hold::pinned ? 1 + index % levels : levels;
            (void)build_process(kernel, index, static_cast<unsigned>(top), hold);
        }
    }
    do_odd_things(kernel);
    grant_page(kernel);
    map_granted_page(kernel);
    start_grants(kernel);
    kernel.print("booted");
    log(kernel, "booted");
}

/// Things that Xen allows, and that a saver cannot translate or has to see through.
void Life::do_odd_things(Kernel& kernel) const
{
    State& state = kernel.state;
    const std::uint32_t workload = state.settings.workload;
    if ((workload & workload_stale) != 0) {
        for (std::size_t index = max_processes - 4; index < max_processes; ++index) {
            leave_stale_tables(kernel, index);
        }
    }
    const auto pfn = (workload & (workload_bad_pte | workload_bad_m2p)) != 0
                         ? kernel.pick_free_data()
                         : std::nullopt;
    if (!pfn) {
        return;
    }
    state.odd_pfn = *pfn;
    const Mfn mfn = kernel.p2m(*pfn);
    kernel.set_record(*pfn, {0, Role::odd, 0, 0});
    if ((workload & workload_bad_pte) != 0) {
        kernel.set_p2m(*pfn, no_mfn);
        return;
    }
    const mmu_update_t update = {(mfn << 12) | MMU_MACHPHYS_UPDATE, state.places.data};
    must(machine_.mmu_update({&update, 1}), "MMU_MACHPHYS_UPDATE");
}

void Life::tick(Kernel& kernel)
{
    State& state = kernel.state;
    ++state.count;
    work_on_pages(kernel);
    for (std::uint32_t n = 0; n < state.settings.table_rate; ++n) {
        work_on_processes(kernel);
    }
    for (std::uint32_t n = 0; n < state.settings.balloon_rate; ++n) {
        work_on_balloon(kernel);
    }
    work_on_exchanges(kernel);
    work_on_p2m(kernel);
    work_on_grants(kernel);
    work_on_mappings(kernel);
    StoreRing store{kernel};
    const std::string wanted = order(kernel, store);
    if (state.store_ready != 0) {
        (void)store.write("data/fakexen/count", std::to_string(state.count));
        tell_of_grants(kernel, store);
    }
    if (state.count % quanta_per_log_line == 0) {
        log(kernel, "running");
    }
    if (!wanted.empty()) {
        obey(kernel, store, wanted);
        return;
    }
    if (state.count % quanta_per_switch == 0) {
        switch_address_space(kernel);
    }
    write_registers(kernel, Marker::running);
    kernel.save();
}

void Life::tell_of_grants(const Kernel& kernel, StoreRing& store) const
{
    const std::string granted = describe_grants(kernel);
    const std::string mapped = describe_mappings(kernel);
    if (!granted.empty() || !mapped.empty()) {
        const char* const between = granted.empty() || mapped.empty() ? "" : ", ";
        (void)store.write("data/fakexen/grants", granted + between + mapped);
    }
}

void Life::report(Kernel& kernel, StoreRing& store, const char* what)
{
    if (store.write("data/fakexen/state", what)) {
        (void)store.write("data/fakexen/verdict", verdict_of(kernel.state));
        (void)store.write("data/fakexen/count", std::to_string(kernel.state.count));
    }
}

/// What control/shutdown asks for. Sets the watch first, if that has not been done since boot or
/// restore.
std::string Life::order(Kernel& kernel, StoreRing& store)
{
    State& state = kernel.state;
    bool look = state.count % quanta_per_look == 0;
    if (state.store_ready == 0) {
        if (state.store_pause != 0) {
            --state.store_pause;
            return {};
        }
        // After a resume in place the watch may still be there.
        if (!store.ask(XS_WATCH, store::join_strings({"control/shutdown", "shutdown"})) &&
            store.refusal() != "EEXIST") {
            return {};
        }
        state.store_ready = 1;
        report(kernel, store, "running");
        look = true;
    }
    return store.watch_fired() || look ? store.read("control/shutdown").value_or("") : "";
}

void Life::obey(Kernel& kernel, StoreRing& store, const std::string& order)
{
    log(kernel, "asked to " + order);
    (void)store.write("control/shutdown", "");
    if (order == "suspend") {
        report(kernel, store, "suspended");
        (void)store.write("data/fakexen/fingerprint", std::to_string(fingerprint_of(kernel)));
        suspend(kernel);
        return;
    }
    if (order == "grants-v1" || order == "grants-v2") {
        order_grant_version(kernel, order.back() == '1' ? 1 : 2);
    }
    write_registers(kernel, Marker::running);
    if (order == "poweroff" || order == "halt") {
        report(kernel, store, "off");
        shut_down(kernel, SHUTDOWN_poweroff);
    } else if (order == "reboot") {
        report(kernel, store, "off");
        shut_down(kernel, SHUTDOWN_reboot);
    } else if (order == "crash") {
        throw Panic{"asked to crash"};
    } else {
        kernel.save();
    }
}

/// The end: said in the log, if possible in the store, then to Xen. Nothing of the guest can be
/// trusted now.
void Life::crash(Kernel* kernel, const char* why)
{
    (void)std::fprintf(log_, "CRASH at tick %" PRIu64 ": %s\n",
                       kernel != nullptr ? kernel->state.count : 0, why);
    (void)std::fflush(log_);
    try {
        if (kernel != nullptr) {
            StoreRing store{*kernel};
            if (store.write("data/fakexen/state", "crashed")) {
                (void)store.write("data/fakexen/verdict", std::string{"CRASHED: "} + why);
            }
        }
    } catch (const std::exception& again) {
        (void)std::fprintf(log_, "cannot tell the store: %s\n", again.what());
    }
    sched_shutdown_t shutdown = {SHUTDOWN_crash};
    (void)machine_.hypercall(__HYPERVISOR_sched_op, {SCHEDOP_shutdown, address_of(&shutdown)});
}

}  // namespace

void run_domain(std::uint32_t domid, std::FILE* log)
{
    const Machine machine{domid};
    Life life{machine, log};
    std::uint32_t idle_ms = 0;
    while (machine.next_quantum(idle_ms)) {
        idle_ms = life.quantum();
    }
}

}  // namespace fakexen::guest
