import pino, { type DestinationStream, type Logger } from "pino";

/**
 * Structured logs, on standard error unless a destination is given: standard output is for what a person or a script
 * asked for. STILLHOUSE_LOG sets the level.
 */
export function makeLogger(fields: Record<string, string>, destination?: DestinationStream): Logger {
  const level = process.env.STILLHOUSE_LOG ?? "info";
  return pino(
    {
      level,
      base: fields,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: pino.stdSerializers.err },
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}
