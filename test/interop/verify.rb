# ruby-jwt with a key loader that reloads when it is asked for a kid it lacks: reads a token a line, answers a line.
require 'json'
require 'jwt'
require 'net/http'

url, issuer, audience = ARGV
cached = nil
loader = lambda do |options|
  cached = nil if options[:invalidate]
  cached ||= JSON.parse(Net::HTTP.get(URI(url)), symbolize_names: true)
end

STDIN.each_line do |line|
  begin
    JWT.decode(line.strip, nil, true, algorithms: %w[RS256 ES256], jwks: loader,
               iss: issuer, verify_iss: true, aud: audience, verify_aud: true)
    puts 'accepted'
  rescue StandardError => e
    puts "refused #{e.class}: #{e.message}".tr("\n", ' ')
  end
  STDOUT.flush
end
