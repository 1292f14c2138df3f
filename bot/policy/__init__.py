"""What may be published of an agent's work: pure judgements of the difference between two trees and of the words."""
