import Dispatch
import Foundation
import MsgBus

// The cases through MsgBus: see `Baseline/main.c`, of which this is the other side.
//
//   msgbus-cases CASE brokers=HOST:PORT topic=NAME messages=N size=BYTES ... -- PROPERTY=VALUE...

alarm(300)  // nothing here takes so long

func fail(_ error: any Error) -> Never {
    FileHandle.standardError.write(Data("msgbus-cases: \(error)\n".utf8))
    exit(1)
}

/// Nobody wants to know how long it takes to free what was measured.
func end() -> Never {
    fflush(nil)
    _exit(0)
}

/// Blocking calls: for threads, and the main one is as good as any.
func runOnThread(_ job: Job) throws -> Bool {
    switch job.name {
    case "write-blocking": try job.writeBlocking()
    case "read-texts": try job.readTexts()
    default: return false
    }
    return true
}

@concurrent
func runInTask(_ job: Job) async throws {
    switch job.name {
    case "write": try await job.writeForget()
    case "write-headers": try await job.writeHeaders()
    case "write-batch": try await job.writeBatch()
    case "write-batch-acked": try await job.writeBatchAcknowledged()
    case "write-async": try await job.writeAsync()
    case "write-tasks": try await job.writeTasks()
    case "write-writers": try await job.writeWriters()
    case "read-messages": try await job.readMessages()
    case "read-messages-actor": try await job.readMessagesInActor()
    case "read-messages-main-actor": try await job.readMessagesOnMainActor()
    case "read-batches": try await job.readBatches()
    case "read-borrowed": try await job.readBorrowed()
    case "read-callback": try await job.readCallback()
    case "read-text-callback": try await job.readTextCallback()
    case "read-memory": try await job.readMemory()
    case "round-trip": try await job.roundTrip()
    case "idle": try await job.idle()
    case "connect-writer": try await job.connectWriter()
    case "connect-reader": try await job.connectReader()
    default: throw Failure("there is no case \(job.name)")
    }
}

do {
    let job = try Job(Array(CommandLine.arguments.dropFirst()))
    if try !runOnThread(job) {
        Task { @concurrent in
            do {
                try await runInTask(job)
                end()
            } catch {
                fail(error)
            }
        }
        // Valgrind doesn't survive `dispatchMain`; only the main actor needs it.
        if job.name != "read-messages-main-actor" { DispatchSemaphore(value: 0).wait() }
        dispatchMain()
    }
    end()
} catch {
    fail(error)
}
